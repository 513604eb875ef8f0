import ForetokenFormats
import ForetokenModel
public import ForetokenText
public import Torch

/// A way of computing the gradient of L = Σ_i w_i · CE_i, where CE_i is head i's mean cross-entropy over the valid targets
/// of the whole global batch (paper section 2; w_i = 1 there).
///
/// All objectives compute the same gradient; they differ in what is in memory at once.
public protocol Objective: Sendable {
    /// Adds the gradient of the loss over all micro-batches to the parameters' gradients. Nothing in it waits for a GPU.
    ///
    /// - Parameters:
    ///   - model: receives the gradients.
    ///   - batches: the global batch in micro-batches.
    ///   - denominators: valid targets of each head over the whole global batch, all ranks included.
    ///   - headWeights: w_i of each head; a head of weight 0 does not run, unless another reads it.
    ///   - onGradientReady: called once for each parameter that gets a gradient, as soon as it is final: a head's after its
    ///     own backward pass in the last micro-batch, the norm and the shared unembedding after the last head, the trunk's
    ///     from its end while its backward pass runs, the embedding at the end.
    /// - Returns: each head's share Σ −log p ÷ denominator, unweighted; 0 for a head of weight 0. Float64 [n] on the model's
    ///   device.
    /// - Throws: `TorchError.outOfMemory`.
    func forwardBackward(
        _ model: MultiTokenModel, batches: [BatchTensors], denominators: [Int], headWeights: [Double],
        onGradientReady: (Parameter) -> Void
    ) throws -> Tensor
}

extension Objective {
    /// The same of token batches, with the losses on the host.
    ///
    /// - Throws: ``ObjectiveError`` for a batch that fits no model of this vocabulary, `TorchError.outOfMemory`.
    public func forwardBackward(
        _ model: MultiTokenModel, microbatches: [TokenBatch], denominators: [Int], headWeights: [Double],
        onGradientReady: (Parameter) -> Void
    ) throws -> [Double] {
        let active = headWeights.indices.filter { headWeights[$0] != 0 }.map { $0 + 1 }
        return try forwardBackward(
            model, batches: microbatches.map { try BatchTensors($0, for: model, heads: active) },
            denominators: denominators, headWeights: headWeights, onGradientReady: onGradientReady
        ).elements()
    }
}

/// Each head's loss as it grows over micro-batches, on the model's device.
struct HeadLosses {
    private var sums: [Tensor?]
    private let device: Device

    init(_ model: MultiTokenModel) {
        sums = [Tensor?](repeating: nil, count: model.heads.count)
        device = model.device
    }

    /// Adds a scalar.
    mutating func add(_ share: Tensor, head: Int) {
        let share = share.detached().to(.float64)
        sums[head - 1] = sums[head - 1].map { $0 + share } ?? share
    }

    /// Float64 [n].
    func joined() throws -> Tensor {
        .concatenating(
            try sums.map { try $0?.reshaped(1) ?? .zeros([1], dtype: .float64, device: device) }, axis: 0)
    }
}

extension MultiTokenModel {
    /// Σ −log p of the targets under a head's output [B, T, D]; masked targets count nothing.
    func crossEntropySum(_ hidden: Tensor, targets: HeadTargets, head: Int) -> Tensor {
        let logits = logits(hidden, head: head).reshaped(-1, configuration.vocabulary).to(dtype)
        guard let probabilities = targets.probabilities else {
            return logits.crossEntropySum(targets: targets.tokens.reshaped(-1), ignoring: TokenBatch.ignored)
        }
        return logits.crossEntropySum(
            targets: targets.tokens, probabilities: probabilities, ignoring: TokenBatch.ignored)
    }
}

/// The objective of a name in a recipe.
public enum ObjectiveName: String, Sendable, CaseIterable {
    /// ``JointObjective``.
    case joint
    /// ``SequentialObjective``.
    case sequential
    /// ``FusedObjective``.
    case fused

    /// The objective.
    ///
    /// - Parameters:
    ///   - logitsBytes: see ``FusedObjective/logitsBytes``; the others hold all logits of a head, or of all heads.
    ///   - recompute: what is kept of the trunk.
    ///   - detachTrunk: whether heads 2…n learn from a detached z.
    ///   - softTargets: how many of head 1's most probable tokens heads 2…n learn from; 0: from the data's token.
    public func objective(
        logitsBytes: Int? = nil, recompute: Recomputation = .none,
        detachTrunk: Bool = false, softTargets: Int = 0
    ) -> any Objective {
        switch self {
        case .joint: JointObjective(recompute: recompute, detachTrunk: detachTrunk, softTargets: softTargets)
        case .sequential: SequentialObjective(recompute: recompute, detachTrunk: detachTrunk, softTargets: softTargets)
        case .fused:
            FusedObjective(
                logitsBytes: logitsBytes, recompute: recompute, detachTrunk: detachTrunk, softTargets: softTargets)
        }
    }
}
