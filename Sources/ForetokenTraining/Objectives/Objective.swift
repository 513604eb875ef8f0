public import ForetokenText
public import Torch

/// A way of computing the gradient of L = Σ_i w_i · CE_i, where CE_i is head i's mean cross-entropy over the valid
/// targets of the whole global batch (paper section 2; w_i = 1 there).
///
/// All objectives compute the same gradient; they differ in what is in memory at once.
public protocol Objective: Sendable {
    /// Adds the gradient of the loss over all micro-batches to the parameters' gradients. Nothing in it waits for a
    /// GPU.
    ///
    /// - Parameters:
    ///   - model: receives the gradients.
    ///   - batches: the global batch in micro-batches.
    ///   - denominators: valid targets of each head over the whole global batch, all ranks included.
    ///   - headWeights: w_i of each head; a head of weight 0 does not run, unless another reads it.
    ///   - onGradientReady: called once for each parameter that gets a gradient, as soon as it is final: a head's after
    ///     its own backward pass in the last micro-batch, the norm and the shared unembedding after the last head, the
    ///     trunk's from its end while its backward pass runs, the embedding at the end.
    /// - Returns: each head's share Σ −log p ÷ denominator, unweighted; 0 for a head of weight 0. Float64 [n] on the
    ///   model's device.
    /// - Throws: `TorchError.outOfMemory`.
    func accumulateGradients(
        in model: MultiTokenModel, batches: [BatchTensors], denominators: [Int], headWeights: [Double],
        onGradientReady: (Parameter) -> Void
    ) throws -> Tensor
}

extension Objective {
    /// The same of token batches, with the losses on the host.
    ///
    /// - Throws: ``ObjectiveError`` for a batch that fits no model of this vocabulary, `TorchError.outOfMemory`.
    public func accumulateGradients(
        in model: MultiTokenModel, microbatches: [TokenBatch], denominators: [Int], headWeights: [Double],
        onGradientReady: (Parameter) -> Void
    ) throws -> [Double] {
        let batches = try microbatches.map { try HostBatch($0, for: model.configuration, headWeights: headWeights) }
        return try accumulateGradients(
            in: model, batches: batches.map { BatchTensors($0, for: model) }, denominators: denominators,
            headWeights: headWeights, onGradientReady: onGradientReady
        ).elements()
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
    public func objective(_ options: ObjectiveOptions = ObjectiveOptions()) -> any Objective {
        switch self {
        case .joint: JointObjective(options)
        case .sequential: SequentialObjective(options)
        case .fused: FusedObjective(options)
        }
    }
}
