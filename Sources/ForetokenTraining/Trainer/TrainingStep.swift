import ForetokenModel
import ForetokenText
import Torch

/// One optimizer step: the gradient over the global batch, clipping, AdamW. The trainer's and the benchmarks'.
struct TrainingStep {
    let model: MultiTokenModel
    let optimizer: AdamW
    let objective: any Objective
    /// w_i of each head; all 1 if nil.
    var headWeights: [Double]?
    /// The largest norm of the gradient; 0 for no bound.
    var clip = 1.0
    var world: any World = OneRank()

    /// What a global batch gave; the gradient itself lies in the parameters.
    struct Gradient {
        /// Each head's mean cross-entropy.
        let losses: [Double]
        /// √(Σ g²).
        let norm: Double

        var isFinite: Bool { losses.allSatisfy(\.isFinite) && norm.isFinite }
    }

    /// The gradient of the mean loss over the global batch.
    func gradient(of microbatches: [TokenBatch]) throws -> Gradient {
        let heads = model.heads.count
        let counts = (1...heads).map { head in
            Double(microbatches.reduce(0) { $0 + $1.validTargets(head: head) })
        }
        let denominators = try world.sum(counts).map { Int($0) }
        let losses = try objective.forwardBackward(
            model, microbatches: microbatches, denominators: denominators,
            headWeights: headWeights ?? [Double](repeating: 1, count: heads), onGradientReady: { _ in })
        let norm = globalNorm(of: model.parameters.compactMap(\.tensor.gradient))
        return Gradient(losses: try world.sum(losses), norm: norm)
    }

    /// Changes the weights by the clipped gradient and frees it.
    func update(by gradient: Gradient, rate: Double) {
        optimizer.update(rate: rate, scale: clip > 0 && gradient.norm > clip ? clip / gradient.norm : 1)
        optimizer.clearGradients()
    }
}
