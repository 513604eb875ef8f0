import ForetokenFormats
import ForetokenModel
import ForetokenText
import Torch

/// One optimizer step: the gradient over the global batch, clipping, AdamW. The trainer's and the benchmarks'.
struct TrainingStep {
    let model: MultiTokenModel
    let optimizer: AdamW
    let objective: any Objective
    /// The largest norm of the gradient; 0 for no bound.
    var clip = 1.0
    var world: any World = OneRank()
    /// Runs the objective as captured work, with one rank only; nil: operator by operator.
    var captured: CapturedObjective?
    /// Sums gradients over the ranks and shares the new weights; nil for one rank.
    var reducer: GradientReducer?

    /// The losses and norms of a global batch, still on the model's device; the gradient itself is in the parameters.
    struct Gradient {
        /// Losses of the heads [n], Σ g² of each head's own parameters [n] and of all [1]: float64.
        fileprivate let statistics: Tensor
        private let heads: Int

        fileprivate init(_ statistics: Tensor) {
            self.statistics = statistics
            heads = (statistics.count - 1) / 2
        }

        /// √(Σ g²), a scalar; not finite if a loss is not.
        fileprivate var norm: Tensor {
            let losses = statistics.narrowed(axis: 0, from: 0, count: heads)
            // A loss of NaN makes the norm NaN, so that AdamW leaves the weights as they are.
            return statistics.narrowed(axis: 0, from: 2 * heads, count: 1).sum().power(0.5) + losses.sum() * 0
        }

        /// The numbers on the host: waits until the device is done.
        func read() -> StepNumbers {
            let values: [Double] = statistics.elements()
            return StepNumbers(
                losses: Array(values.prefix(heads)), norm: values[2 * heads].squareRoot(),
                headNorms: values[heads..<2 * heads].map { $0.squareRoot() })
        }
    }

    /// The gradient of the mean loss over the global batch, of which `microbatches` are this rank's share. With one
    /// rank, nothing in it waits for a GPU.
    ///
    /// - Parameter headWeights: w_i of each head; all 1 if nil.
    func gradient(of microbatches: [TokenBatch], headWeights: [Double]? = nil) throws -> Gradient {
        reducer?.trace?.beginStep()
        let headWeights = headWeights ?? [Double](repeating: 1, count: model.heads.count)
        let batches = try microbatches.map { try HostBatch($0, for: model.configuration, headWeights: headWeights) }
        let counts = model.heads.map { head in
            batches.reduce(0) { $0 + Double($1.validTargets(head: head.node.head)) }
        }
        let denominators = try world.sum(counts).map { Int($0) }
        let losses =
            try captured?.replaceGradients(by: batches, denominators: denominators, headWeights: headWeights)
            ?? objective.accumulateGradients(
                in: model, batches: batches.map { BatchTensors($0, for: model) }, denominators: denominators,
                headWeights: headWeights, onGradientReady: { reducer?.ready($0) })
        try reducer?.finish()
        let statistics = try statistics(losses: losses)
        guard world.size > 1 else { return Gradient(statistics) }
        // Each rank has the gradients of its own parameters now.
        return Gradient(
            .uploading(try world.sum(statistics.elements()), shape: statistics.shape, to: model.device))
    }

    /// Losses, Σ g² of each head's own parameters, 0 where it learns nothing, and Σ g² of all.
    private func statistics(losses: Tensor) throws -> Tensor {
        let zero = try Tensor.zeros([1], dtype: .float64, device: model.device)
        let learning = model.parameters.filter { $0.tensor.gradient != nil }
        guard !learning.isEmpty else {
            return .concatenating([losses] + [Tensor](repeating: zero, count: model.heads.count + 1), axis: 0)
        }
        let squares = sumsOfSquares(of: learning.compactMap(\.tensor.gradient))
        let headSquares = model.heads.map { head in
            // A head's parameters follow one another.
            guard let first = learning.firstIndex(where: { $0.group == .head(head.node.head) }) else { return zero }
            let count = learning.count { $0.group == .head(head.node.head) }
            return squares.narrowed(axis: 0, from: first, count: count).sum().reshaped(1)
        }
        return .concatenating([losses] + headSquares + [squares.sum().reshaped(1)], axis: 0)
    }

    /// Changes the weights by the clipped gradient and frees it; leaves them as they are if a loss or the gradient is
    /// not finite.
    ///
    /// - Parameter headRate: the rate of heads 2…n; `rate` if nil.
    func update(by gradient: Gradient, rate: Double, headRate: Double? = nil) throws {
        optimizer.update(rate: rate, headRate: headRate, norm: gradient.norm, clip: clip)
        optimizer.clearGradients()
        try reducer?.shareWeights()
    }
}

/// The numbers of an optimizer step.
struct StepNumbers {
    /// Each head's mean cross-entropy.
    let losses: [Double]
    /// √(Σ g²).
    let norm: Double
    /// The same of each head's own parameters; 0 where it learns nothing.
    let headNorms: [Double]

    var isFinite: Bool { losses.allSatisfy(\.isFinite) && norm.isFinite }
}
