public import ForetokenModel
public import ForetokenText
import Torch

/// The paper's memory-efficient pass (section 2, figure 2): the heads run forward and backward one after another, so only
/// one head's logits exist at a time and the peak does not grow with n.
public struct SequentialObjective: Objective {
    /// What is kept of the trunk.
    public let recompute: Recomputation

    /// The objective.
    public init(recompute: Recomputation = .none) { self.recompute = recompute }

    /// See ``Objective/forwardBackward(_:microbatches:denominators:headWeights:onGradientReady:)``.
    public func forwardBackward(
        _ model: MultiTokenModel, microbatches: [TokenBatch], denominators: [Int], headWeights: [Double],
        onGradientReady: (Parameter) -> Void
    ) throws -> [Double] {
        precondition(model.configuration.headGraph.isFlat, "heads that read other heads need the reverse walk")
        var losses = [Double](repeating: 0, count: model.heads.count)
        for (index, microbatch) in microbatches.enumerated() {
            let isLast = index == microbatches.count - 1
            let batch = BatchTensors(microbatch, for: model)

            let trunk = TrunkPass(model, batch, recompute: recompute)
            let d = trunk.z.detached(requiresGradient: true)
            for (i, head) in model.heads.enumerated() {
                let count = Double(max(1, denominators[i]))
                // The sum of this head's losses, its logits and their gradient live inside this call only.
                losses[i] +=
                    try backward(
                        model.crossEntropySum(head(d, batch.context), targets: batch.targets(head: i + 1)),
                        weight: headWeights[i] / count) / count
                if isLast { head.parameters.forEach(onGradientReady) }
            }
            if isLast {
                onGradientReady(model.norm)
                if !model.configuration.tieEmbeddings { onGradientReady(model.unembedding) }
            }
            try trunk.backward(gradient: d.gradient)
        }
        (model.trunk.flatMap(\.parameters) + [model.embedding]).forEach(onGradientReady)
        return losses
    }

    private func backward(_ loss: Tensor, weight: Double) throws -> Double {
        try (loss * weight).backward()
        return loss.item()
    }
}
