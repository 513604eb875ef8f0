import ForetokenModel
import Torch

/// What a head learns from at the N = B·T positions of a micro-batch.
struct TargetTensors {
    /// [N, k] int64; the first is `TokenBatch.ignored` at masked positions. k is 1 for the data's tokens.
    let tokens: Tensor
    /// [N, k]; nil for tokens that are certain.
    let probabilities: Tensor?
    /// The ascending indices of the positions that are not masked, int64; nil if none is, or if it is not known.
    let rows: Tensor?
}

/// What one head learns from, and how much its loss counts.
struct HeadTargets {
    /// From 1.
    let head: Int
    /// w_i.
    let weight: Double
    /// The head's valid targets over the whole global batch, at least 1.
    let denominator: Double
    /// Makes the tensors. The loss calls it and frees them when it is done: those of all heads at once would grow with
    /// n.
    let tensors: () -> TargetTensors

    /// What the summed loss is multiplied by before its gradient is taken.
    var scale: Double { weight / denominator }
}

/// What every head learns from in one micro-batch: the data's tokens, the batch's own soft targets or head 1's
/// distributions. The loop over the heads asks once for each.
struct MicrobatchTargets {
    private let batch: BatchTensors
    private let weights: LossWeights
    private let teacher: SelfDistillation?

    /// - Parameters:
    ///   - batch: the data.
    ///   - weights: how much each head's loss counts.
    ///   - teacher: what heads 2…n learn from instead of the data's tokens, if not nil.
    init(_ batch: BatchTensors, weights: LossWeights, teacher: SelfDistillation?) {
        (self.batch, self.weights, self.teacher) = (batch, weights, teacher)
    }

    /// What a head learns from.
    subscript(head: HeadPass) -> HeadTargets {
        let index = head.number - 1
        return HeadTargets(
            head: head.number, weight: weights.headWeights[index],
            denominator: Double(max(1, weights.denominators[index])), tensors: { tensors(head.number) })
    }

    private func tensors(_ head: Int) -> TargetTensors {
        let data = batch.targets(head: head)
        let learnt = teacher?.targets(head: head, insteadOf: data) ?? data
        guard let factor = batch.lossFactor(head: head) else { return learnt }
        // 1 for tokens that are certain; int64 · 0 is 0 whatever stands at masked positions.
        let probabilities = learnt.probabilities ?? (learnt.tokens * 0 + 1).to(factor.dtype)
        return TargetTensors(tokens: learnt.tokens, probabilities: probabilities * factor, rows: learnt.rows)
    }
}
