public import ForetokenModel
public import ForetokenText
import Torch

/// The plain pass: all heads' logits at once and one backward pass. The reference for the others, and what the paper's
/// memory claim is measured against.
public struct JointObjective: Objective {
    /// What is kept of the trunk.
    public let recompute: Recomputation

    /// The objective.
    public init(recompute: Recomputation = .none) { self.recompute = recompute }

    /// See ``Objective/forwardBackward(_:microbatches:denominators:headWeights:onGradientReady:)``.
    public func forwardBackward(
        _ model: MultiTokenModel, microbatches: [TokenBatch], denominators: [Int], headWeights: [Double],
        onGradientReady: (Parameter) -> Void
    ) throws -> [Double] {
        var losses = [Double](repeating: 0, count: model.heads.count)
        for microbatch in microbatches {
            let batch = try BatchTensors(microbatch, for: model)
            let trunk = TrunkPass(model, batch, recompute: recompute)
            let means = try model.heads.enumerated().map { i, head in
                try model.crossEntropySum(head(trunk.z, batch.context), targets: batch.targets(head: i + 1))
                    * (1 / Double(max(1, denominators[i])))
            }
            let weighted = zip(means, headWeights).map { $0 * $1 }
            try weighted.dropFirst().reduce(weighted[0], +).backward()
            if recompute == .blocks { try trunk.backward(gradient: trunk.z.gradient) }
            for (i, mean) in means.enumerated() { losses[i] += mean.item() }
        }
        model.parameters.forEach(onGradientReady)
        return losses
    }
}
