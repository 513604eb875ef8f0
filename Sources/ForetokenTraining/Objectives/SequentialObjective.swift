import ForetokenModel
public import Torch

/// The paper's pass as it stands there: head by head, each with all of its logits (section 2, figure 2).
public struct SequentialObjective: Objective {
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
        try model.forwardBackwardHeadByHead(
            batches, denominators: denominators, headWeights: headWeights, recompute: recompute,
            detachTrunk: detachTrunk, softTargets: softTargets, onGradientReady: onGradientReady
        ) { head, output, targets, scale in
            let loss = model.crossEntropySum(output.requireGradient(), targets: targets, head: head)
            try (loss * scale).backward()
            guard let gradient = output.gradient else { preconditionFailure("a leaf has a gradient after backward") }
            return (loss, gradient)
        }
    }
}
