import ForetokenModel
import ForetokenText
public import Torch

/// The paper's pass, and inside each head the final norm, the unembedding and the cross-entropy as one operation over
/// chunks of tokens that yields its gradient as it goes: the peak grows neither with n nor with V·T.
public struct FusedObjective: Objective {
    /// The most logits that exist at once, in bytes, where nobody says otherwise: enough tokens for the GEMMs to run at their
    /// rate. 64 MiB on the CPU (524 tokens at V = 32,000); 512 MiB on a GPU, which needs thousands of rows and starts a dozen
    /// kernels for every chunk.
    public static func logitsBytes(on device: Device) -> Int { device == .cpu ? 64 << 20 : 512 << 20 }

    /// The most logits that exist at once, in bytes; ``logitsBytes(on:)`` of the model's device if nil.
    public let logitsBytes: Int?

    /// What is kept of the trunk.
    public let recompute: Recomputation

    /// Whether heads 2…n learn from a detached z.
    public let detachTrunk: Bool

    /// How many of head 1's most probable tokens heads 2…n learn from; 0: from the data's token.
    public let softTargets: Int

    /// The objective.
    public init(
        logitsBytes: Int? = nil, recompute: Recomputation = .none, detachTrunk: Bool = false,
        softTargets: Int = 0
    ) {
        self.logitsBytes = logitsBytes
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
            try output.fusedCrossEntropy(
                norm: model.norm.tensor, epsilon: model.configuration.normEpsilon,
                unembedding: model.heads[head - 1].unembedding.tensor, targets: targets.tokens,
                probabilities: targets.probabilities, rows: targets.rows, ignoring: TokenBatch.ignored, scale: scale,
                logitsBytes: logitsBytes ?? Self.logitsBytes(on: model.device))
        }
    }
}
