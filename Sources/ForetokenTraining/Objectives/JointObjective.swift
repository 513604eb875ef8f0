import ForetokenModel
public import Torch

/// The textbook objective: all heads' logits at once and one backward pass. The reference for the others, and what the
/// paper's memory claim is measured against.
public struct JointObjective: Objective {
    /// The settings.
    public let options: ObjectiveOptions

    /// The objective.
    public init(_ options: ObjectiveOptions = ObjectiveOptions()) { self.options = options }

    /// See ``Objective/accumulateGradients(in:batches:denominators:headWeights:onGradientReady:)``.
    public func accumulateGradients(
        in model: MultiTokenModel, batches: [BatchTensors], denominators: [Int], headWeights: [Double],
        onGradientReady: (Parameter) -> Void
    ) throws -> Tensor {
        let weights = LossWeights(headWeights: headWeights, denominators: denominators)
        let losses = HeadLosses(model)
        for batch in batches { try accumulateGradients(in: model, batch, weights, losses) }
        for parameter in model.parameters where parameter.tensor.gradient != nil { onGradientReady(parameter) }
        return try losses.joined()
    }

    private func accumulateGradients(
        in model: MultiTokenModel, _ batch: BatchTensors, _ weights: LossWeights, _ losses: HeadLosses
    ) throws {
        let x = EmbeddedBatch(batch, for: model)
        let z = TrunkOutput(model, x, recompute: options.recompute)
        let y = MicrobatchTargets(batch, weights: weights, teacher: model.teacher(options, x, z))
        var outputs = HeadOutputs(z: z.value)
        var means: [(head: Int, value: Tensor)] = []
        let nodes = model.configuration.headGraph.nodes(for: weights.active)
        for head in model.headPasses(nodes, over: x, detachTrunk: options.detachTrunk) {
            let p = head(outputs.input(of: head))
            outputs[head] = p
            guard weights.isActive(head.number) else { continue }
            let targets = y[head]
            let sum = model.crossEntropySum(p, targets.tensors(), head: head.number)
            means.append((head.number, sum * (1 / targets.denominator)))
        }
        let weighted = means.map { $0.value * weights.headWeights[$0.head - 1] }
        try weighted.dropFirst().reduce(weighted[0], +).backward()
        if options.recompute == .blocks {
            // z is a leaf then, and the trunk's own backward pass is still to come.
            try z.backward(gradient: z.value.gradient)
        } else {
            try x.backward()
        }
        for (head, mean) in means { losses.add(mean, head: head) }
    }
}
