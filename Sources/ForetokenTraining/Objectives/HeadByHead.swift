import ForetokenModel
import ForetokenText
import Torch

extension MultiTokenModel {
    /// The paper's memory-efficient pass (section 2, figures 2 and S11): the trunk runs forward, the heads run forward and
    /// backward one after another from a detached z, and the gradient they leave there runs through the trunk once. What one
    /// head keeps is freed before the next begins, so the peak does not grow with n.
    ///
    /// Where heads read other heads, the graph is walked from the head farthest from the trunk: a head's output collects the
    /// gradient of its readers, joins that of its own loss and goes on. Heads that are read run forward twice, and what grows
    /// with n is one output [B, T, D] for each of them.
    ///
    /// - Parameter loss: the summed loss of a head without the factor, a scalar, and with it the gradient of its output [B, T, D],
    ///   given that output, detached, its targets and the factor.
    func forwardBackwardHeadByHead(
        _ batches: [BatchTensors], denominators: [Int], headWeights: [Double], recompute: Recomputation,
        detachTrunk: Bool, softTargets: Int, onGradientReady: (Parameter) -> Void,
        loss: (_ head: Int, _ output: Tensor, _ targets: HeadTargets, _ scale: Double) throws -> (Tensor, Tensor)
    ) throws -> Tensor {
        let active = headWeights.indices.filter { headWeights[$0] != 0 }.map { $0 + 1 }
        let nodes = configuration.headGraph.nodes(for: active)
        func isReady(_ parameter: Parameter) {
            if parameter.tensor.gradient != nil { onGradientReady(parameter) }
        }
        var losses = HeadLosses(self)
        for (index, batch) in batches.enumerated() {
            let isLast = index == batches.count - 1
            let trunkPass = TrunkPass(self, batch, recompute: recompute)
            let d = trunkPass.z.detached(requiresGradient: trunkPass.z.requiresGradient)
            var walk = HeadWalk(self, trunkPass, z: d, detachTrunk: detachTrunk)
            let teacher = softTargets > 0 ? HeadOneTargets(self, trunkPass, count: softTargets) : nil
            func targets(of head: Int) -> HeadTargets {
                let tokens = batch.targets(head: head)
                let learnt = teacher?.targets(head: head, hard: tokens) ?? tokens
                return batch.weighted(learnt, head: head, in: dtype)
            }
            for node in nodes where nodes.contains(where: { $0.input == .head(node.head) }) {
                walk.outputs[node.head] = withoutGradient { walk.run(node) }.detached(requiresGradient: true)
            }
            for node in nodes.reversed() {
                let i = node.head - 1
                let output = walk.run(node)
                var gradient = walk.outputs.removeValue(forKey: node.head)?.gradient
                if headWeights[i] != 0 {
                    let count = Double(max(1, denominators[i]))
                    let targets = targets(of: node.head)
                    let (sum, own) = try loss(node.head, output.detached(), targets, headWeights[i] / count)
                    losses.add(sum * (1 / count), head: node.head)
                    gradient.map { own.add($0) }
                    gradient = own
                }
                // None where head 1 has no weight and the others do not reach it.
                if output.requiresGradient, let gradient { try output.backward(gradient: gradient) }
                if isLast { heads[i].parameters.forEach(isReady) }
            }
            if isLast { ([norm] + (configuration.tieEmbeddings ? [] : [unembedding])).forEach(isReady) }
            try withoutActuallyEscaping(onGradientReady) {
                try trunkPass.backward(gradient: d.gradient, ready: isLast ? $0 : nil)
            }
        }
        isReady(embedding)
        return try losses.joined()
    }
}

/// The heads over one batch, in an order in which every head comes after what it reads.
struct HeadWalk {
    /// Outputs [B, T, D] that other heads read.
    var outputs: [Int: Tensor] = [:]
    private let model: MultiTokenModel
    private let trunk: TrunkPass
    private let z: Tensor
    private let detachTrunk: Bool

    /// - Parameters:
    ///   - z: the trunk's output for the heads to read.
    ///   - detachTrunk: whether gradients of heads 2…n stop before the trunk, head 1 and the embedding.
    init(_ model: MultiTokenModel, _ trunk: TrunkPass, z: Tensor, detachTrunk: Bool) {
        (self.model, self.trunk, self.z, self.detachTrunk) = (model, trunk, z, detachTrunk)
    }

    /// A head's output [B, T, D].
    func run(_ node: HeadGraph.Node) -> Tensor {
        var (input, embedded) = (z, trunk.embedded(for: node))
        if case .head(let head) = node.input {
            guard let output = outputs[head] else { preconditionFailure("head \(head) has not run") }
            input = output
        }
        if detachTrunk, node.head > 1, node.input == .trunk || node.input == .head(1) { input = input.detached() }
        if detachTrunk { embedded = embedded?.detached() }
        return model.heads[node.head - 1](input, embedded: embedded, trunk.context)
    }
}
