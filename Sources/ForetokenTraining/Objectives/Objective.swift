public import ForetokenModel
public import ForetokenText
import Torch

/// A way of computing the gradient of L = Σ_i w_i · CE_i, where CE_i is head i's mean cross-entropy over the valid targets
/// of the whole global batch (paper section 2; w_i = 1 there).
///
/// All objectives compute the same gradient; they differ in what is in memory at once.
public protocol Objective: Sendable {
    /// Adds the gradient of the loss over all micro-batches to the parameters' gradients.
    ///
    /// - Parameters:
    ///   - denominators: valid targets of each head over the whole global batch, all ranks included.
    ///   - headWeights: w_i of each head.
    ///   - onGradientReady: called once for each parameter as soon as its gradient is final: a head's after its own
    ///     backward pass in the last micro-batch, the norm and unembedding after the last head, the trunk's and the
    ///     embedding at the end.
    /// - Returns: each head's share Σ −log p ÷ denominator, unweighted.
    /// - Throws: `TorchError.outOfMemory`.
    func forwardBackward(
        _ model: MultiTokenModel, microbatches: [TokenBatch], denominators: [Int], headWeights: [Double],
        onGradientReady: (Parameter) -> Void
    ) throws -> [Double]
}

/// A micro-batch as tensors on the model's device.
struct BatchTensors {
    /// [B, T] int64.
    let inputs: Tensor
    let context: SequenceContext
    private let batch: TokenBatch
    private let device: Device

    init(_ batch: TokenBatch, for model: MultiTokenModel) {
        self.batch = batch
        device = model.device
        let shape = [batch.batchSize, batch.context]
        inputs = Tensor(batch.inputs(), shape: shape).to(device)
        let documents =
            model.configuration.documentMask ? Tensor(batch.inputDocuments(), shape: shape).to(device) : nil
        context = model.context(length: batch.context, documents: documents)
    }

    /// [B·T] int64: token t + i for every position t.
    func targets(head: Int) -> Tensor { Tensor(batch.targets(head: head)).to(device) }
}

extension MultiTokenModel {
    /// Σ −log p of the targets under a head's output [B, T, D]; masked targets count nothing.
    func crossEntropySum(_ hidden: Tensor, targets: Tensor) -> Tensor {
        logits(hidden).reshaped(-1, configuration.vocabulary)
            .crossEntropySum(targets: targets, ignoring: TokenBatch.ignored)
    }
}

/// The objective of a name in a recipe.
public enum ObjectiveName: String, Sendable, CaseIterable {
    /// ``JointObjective``.
    case joint
    /// ``SequentialObjective``.
    case sequential

    /// The objective.
    public func objective(recompute: Recomputation = .none) -> any Objective {
        switch self {
        case .joint: JointObjective(recompute: recompute)
        case .sequential: SequentialObjective(recompute: recompute)
        }
    }
}
