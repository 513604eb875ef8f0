public import ForetokenModel
public import ForetokenText
import Torch

/// The paper's pass, and inside each head the final norm, the unembedding and the cross-entropy as one operation over
/// chunks of tokens that yields its gradient as it goes: the peak grows neither with n nor with V·T.
public struct FusedObjective: Objective {
    /// 64 MiB: 524 tokens at V = 32,000, enough for the matrix products to run at their rate.
    public static let defaultLogitsBytes = 64 << 20

    /// The most logits that exist at once, in bytes.
    public let logitsBytes: Int

    /// What is kept of the trunk.
    public let recompute: Recomputation

    /// Whether heads 2…n learn from a detached z.
    public let detachTrunk: Bool

    /// How many of head 1's most probable tokens heads 2…n learn from; 0: from the data's token.
    public let softTargets: Int

    /// The objective.
    public init(
        logitsBytes: Int = Self.defaultLogitsBytes, recompute: Recomputation = .none, detachTrunk: Bool = false,
        softTargets: Int = 0
    ) {
        self.logitsBytes = logitsBytes
        self.recompute = recompute
        self.detachTrunk = detachTrunk
        self.softTargets = softTargets
    }

    /// See ``Objective/forwardBackward(_:microbatches:denominators:headWeights:onGradientReady:)``.
    public func forwardBackward(
        _ model: MultiTokenModel, microbatches: [TokenBatch], denominators: [Int], headWeights: [Double],
        onGradientReady: (Parameter) -> Void
    ) throws -> [Double] {
        try model.forwardBackwardHeadByHead(
            microbatches, denominators: denominators, headWeights: headWeights, recompute: recompute,
            detachTrunk: detachTrunk, softTargets: softTargets, onGradientReady: onGradientReady
        ) { head, output, targets, scale in
            try output.fusedCrossEntropy(
                norm: model.norm.tensor, epsilon: model.configuration.normEpsilon,
                unembedding: model.heads[head - 1].unembedding.tensor, targets: targets.tokens,
                probabilities: targets.probabilities, ignoring: TokenBatch.ignored, scale: scale,
                logitsBytes: logitsBytes)
        }
    }
}
