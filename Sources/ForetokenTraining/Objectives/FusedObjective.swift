import ForetokenModel
import ForetokenText
public import Torch

/// The paper's objective, and inside each head the final norm, the unembedding and the cross-entropy as one operation
/// over chunks of tokens that yields its gradient as it goes: the peak grows neither with n nor with V·T.
public struct FusedObjective: Objective {
    /// The most logits that exist at once, in bytes, by default: enough tokens for the GEMMs to run at their rate. 64
    /// MiB on the CPU (524 tokens at V = 32,000); 512 MiB on a GPU, which needs thousands of rows and starts a dozen
    /// kernels for every chunk.
    public static func logitsBytes(on device: Device) -> Int { device == .cpu ? 64 << 20 : 512 << 20 }

    /// The settings.
    public let options: ObjectiveOptions

    /// The objective.
    public init(_ options: ObjectiveOptions = ObjectiveOptions()) { self.options = options }

    /// See ``Objective/accumulateGradients(in:batches:denominators:headWeights:onGradientReady:)``.
    public func accumulateGradients(
        in model: MultiTokenModel, batches: [BatchTensors], denominators: [Int], headWeights: [Double],
        onGradientReady: (Parameter) -> Void
    ) throws -> Tensor {
        let logitsBytes = options.logitsBytes ?? Self.logitsBytes(on: model.device)
        return try model.accumulateGradientsHeadByHead(
            batches, weights: LossWeights(headWeights: headWeights, denominators: denominators), options: options,
            loss: FusedLoss(model: model, logitsBytes: logitsBytes), onGradientReady: onGradientReady)
    }
}

/// A head's norm, unembedding and cross-entropy as one operation over chunks of tokens, which turns each chunk of
/// logits into its gradient at once.
struct FusedLoss: HeadLoss {
    let model: MultiTokenModel
    /// The most logits that exist at once.
    let logitsBytes: Int

    func accumulateGradient(
        of output: Tensor, _ targets: HeadTargets
    ) throws -> (loss: Tensor, gradient: Tensor) {
        let learnt = targets.tensors()
        let head = model.heads[targets.head - 1]
        return try output.fusedCrossEntropy(
            norm: head.norm.tensor, epsilon: model.configuration.normEpsilon,
            unembedding: head.unembedding.tensor, targets: learnt.tokens,
            probabilities: learnt.probabilities, rows: learnt.rows, ignoring: TokenBatch.ignored, scale: targets.scale,
            logitsBytes: logitsBytes)
    }
}
