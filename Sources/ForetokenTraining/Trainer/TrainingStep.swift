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

    /// The gradient of the mean loss over the global batch.
    ///
    /// - Parameter headWeights: w_i of each head; all 1 if nil.
    func gradient(of microbatches: [TokenBatch], headWeights: [Double]? = nil) throws -> Gradient {
        let heads = model.heads.count
        let counts = (1...heads).map { head in
            Double(microbatches.reduce(0) { $0 + $1.validTargets(head: head) })
        }
        let denominators = try world.sum(counts).map { Int($0) }
        let losses = try objective.forwardBackward(
            model, microbatches: microbatches, denominators: denominators,
            headWeights: headWeights ?? [Double](repeating: 1, count: heads), onGradientReady: { _ in })
        let norm = globalNorm(of: model.parameters.compactMap(\.tensor.gradient))
        let headNorms = model.heads.map { head in
            let gradients = head.parameters.compactMap(\.tensor.gradient)
            return gradients.isEmpty ? 0 : globalNorm(of: gradients)
        }
        return Gradient(losses: try world.sum(losses), norm: norm, headNorms: headNorms)
    }

    /// Changes the weights by the clipped gradient and frees it.
    ///
    /// - Parameter headRate: the rate of heads 2…n; `rate` if nil.
    func update(by gradient: Gradient, rate: Double, headRate: Double? = nil) {
        optimizer.update(
            rate: rate, headRate: headRate, scale: clip > 0 && gradient.norm > clip ? clip / gradient.norm : 1)
        optimizer.clearGradients()
    }
}
