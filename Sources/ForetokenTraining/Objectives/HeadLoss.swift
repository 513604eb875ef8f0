import ForetokenModel
import ForetokenText
import Torch

/// The loss of a head's output. The only difference between ``SequentialObjective`` and ``FusedObjective``.
protocol HeadLoss {
    /// The summed cross-entropy of a head's targets. Adds its gradient, times the targets' scale, to the gradients of
    /// the norm and of the head's unembedding.
    ///
    /// - Parameter output: the head's output [B, T, D], detached.
    /// - Returns: the sum, a scalar without the scale, and the scaled gradient of the output [B, T, D].
    func accumulateGradient(
        of output: Tensor, _ targets: HeadTargets
    ) throws -> (loss: Tensor, gradient: Tensor)
}

extension MultiTokenModel {
    /// Σ −log p of the targets under a head's output [B, T, D]; masked targets count nothing.
    func crossEntropySum(_ output: Tensor, _ targets: TargetTensors, head: Int) -> Tensor {
        let logits = logits(output, head: head).reshaped(-1, configuration.vocabulary).to(dtype)
        guard let probabilities = targets.probabilities else {
            return logits.crossEntropySum(targets: targets.tokens.reshaped(-1), ignoring: TokenBatch.ignored)
        }
        return logits.crossEntropySum(
            targets: targets.tokens, probabilities: probabilities, ignoring: TokenBatch.ignored)
    }
}
