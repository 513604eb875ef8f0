import ForetokenModel
public import Torch

/// The plain pass: all heads' logits at once and one backward pass. The reference for the others, and what the paper's
/// memory claim is measured against.
public struct JointObjective: Objective {
    /// What is kept of the trunk.
    public let recompute: Recomputation

    /// Whether heads 2…n learn from a detached z.
    public let detachTrunk: Bool

    /// How many of head 1's most probable tokens heads 2…n learn from; 0: from the data's token.
    public let softTargets: Int

    /// The objective.
    public init(recompute: Recomputation = .none, detachTrunk: Bool = false, softTargets: Int = 0) {
        self.recompute = recompute
        self.detachTrunk = detachTrunk
        self.softTargets = softTargets
    }

    /// See ``Objective/forwardBackward(_:batches:denominators:headWeights:onGradientReady:)``.
    public func forwardBackward(
        _ model: MultiTokenModel, batches: [BatchTensors], denominators: [Int], headWeights: [Double],
        onGradientReady: (Parameter) -> Void
    ) throws -> Tensor {
        let active = headWeights.indices.filter { headWeights[$0] != 0 }.map { $0 + 1 }
        let nodes = model.configuration.headGraph.nodes(for: active)
        var losses = HeadLosses(model)
        for batch in batches {
            let trunk = TrunkPass(model, batch, recompute: recompute)
            var walk = HeadWalk(model, trunk, z: trunk.z, detachTrunk: detachTrunk)
            let teacher = softTargets > 0 ? HeadOneTargets(model, trunk, count: softTargets) : nil
            var means: [(head: Int, value: Tensor)] = []
            for node in nodes {
                let output = walk.run(node)
                walk.outputs[node.head] = output
                guard headWeights[node.head - 1] != 0 else { continue }
                let tokens = batch.targets(head: node.head)
                let learnt = teacher?.targets(head: node.head, hard: tokens) ?? tokens
                let targets = batch.weighted(learnt, head: node.head, in: model.dtype)
                let sum = model.crossEntropySum(output, targets: targets, head: node.head)
                means.append((node.head, sum * (1 / Double(max(1, denominators[node.head - 1])))))
            }
            let weighted = means.map { $0.value * headWeights[$0.head - 1] }
            try weighted.dropFirst().reduce(weighted[0], +).backward()
            if recompute == .blocks {
                try trunk.backward(gradient: trunk.z.gradient)
            } else {
                try trunk.backwardLookup()
            }
            for (head, mean) in means { losses.add(mean, head: head) }
        }
        for parameter in model.parameters where parameter.tensor.gradient != nil { onGradientReady(parameter) }
        return try losses.joined()
    }
}
