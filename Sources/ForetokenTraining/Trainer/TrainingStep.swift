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
    /// Brings gradients and weights to where they belong; nil for one rank.
    var reducer: GradientReducer?

    /// What a global batch gave; the gradient itself lies in the parameters.
    struct Gradient {
        /// Each head's mean cross-entropy.
        let losses: [Double]
        /// √(Σ g²).
        let norm: Double
        /// The same of each head's own parameters; 0 where it learns nothing.
        let headNorms: [Double]

        var isFinite: Bool { losses.allSatisfy(\.isFinite) && norm.isFinite }
    }

    /// The gradient of the mean loss over the global batch, of which `microbatches` are this rank's share.
    ///
    /// - Parameter headWeights: w_i of each head; all 1 if nil.
    func gradient(of microbatches: [TokenBatch], headWeights: [Double]? = nil) throws -> Gradient {
        reducer?.trace?.beginStep()
        let heads = model.heads.count
        let counts = (1...heads).map { head in
            Double(microbatches.reduce(0) { $0 + $1.validTargets(head: head) })
        }
        let denominators = try world.sum(counts).map { Int($0) }
        let losses = try objective.forwardBackward(
            model, microbatches: microbatches, denominators: denominators,
            headWeights: headWeights ?? [Double](repeating: 1, count: heads), onGradientReady: { reducer?.ready($0) })
        try reducer?.finish()
        // Each rank has the gradients of its own parameters now.
        let norm = globalNorm(of: model.parameters.compactMap(\.tensor.gradient))
        let headNorms = model.heads.map { head in
            let gradients = head.parameters.compactMap(\.tensor.gradient)
            return gradients.isEmpty ? 0 : globalNorm(of: gradients)
        }
        guard world.size > 1 else { return Gradient(losses: losses, norm: norm, headNorms: headNorms) }
        let sums = try world.sum(losses + headNorms.map { $0 * $0 } + [norm * norm])
        return Gradient(
            losses: Array(sums.prefix(heads)), norm: sums[2 * heads].squareRoot(),
            headNorms: sums[heads..<2 * heads].map { $0.squareRoot() })
    }

    /// Changes the weights by the clipped gradient and frees it.
    ///
    /// - Parameter headRate: the rate of heads 2…n; `rate` if nil.
    func update(by gradient: Gradient, rate: Double, headRate: Double? = nil) throws {
        optimizer.update(
            rate: rate, headRate: headRate, scale: clip > 0 && gradient.norm > clip ? clip / gradient.norm : 1)
        optimizer.clearGradients()
        try reducer?.shareWeights()
    }
}
