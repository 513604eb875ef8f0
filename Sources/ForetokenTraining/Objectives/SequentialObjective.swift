public import ForetokenModel
public import ForetokenText
import Torch

/// The paper's pass as it stands there: head by head, each with all of its logits (section 2, figure 2).
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
        try model.forwardBackwardHeadByHead(
            microbatches, denominators: denominators, headWeights: headWeights, recompute: recompute,
            onGradientReady: onGradientReady
        ) { hidden, targets, scale in
            let loss = model.crossEntropySum(hidden, targets: targets)
            try (loss * scale).backward()
            return loss.item()
        }
    }
}
