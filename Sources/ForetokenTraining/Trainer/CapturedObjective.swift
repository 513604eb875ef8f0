import ForetokenModel
import ForetokenText
import Torch

/// An objective's forward and backward passes as work that is captured once and launched as a whole.
///
/// Tokens, targets and the factors of the heads' losses (weight over number of valid targets) change from step to step
/// and keep their places in memory. The first step of a shape runs operator by operator, so that everything that is
/// made once (rope tables, the libraries' workspaces) exists; the second is captured. Another shape, or another set of
/// heads with a weight, is captured again.
final class CapturedObjective {
    private let model: MultiTokenModel
    private let objective: any Objective
    private var inputs: Inputs?
    private var work: CapturedWork?
    /// The results of the captured passes: each head's weighted loss [n], and the gradients.
    private var losses: Tensor?
    private var gradients: [(parameter: Parameter, gradient: Tensor)] = []

    private struct Inputs {
        let sizes: [[Int]]
        let active: [Bool]
        let factors: Tensor
        let batches: [BatchTensors]
        /// Keeps the rope tables that the captured work reads.
        let attention: [AttentionInputs]
    }

    init(_ model: MultiTokenModel, _ objective: any Objective) {
        (self.model, self.objective) = (model, objective)
    }

    /// Replaces the parameters' gradients by those that
    /// ``Objective/accumulateGradients(in:batches:denominators:headWeights:onGradientReady:)`` would add to none.
    ///
    /// - Parameter host: micro-batches of which each has the targets of all heads that have a weight.
    func replaceGradients(by host: [HostBatch], denominators: [Int], headWeights: [Double]) throws -> Tensor {
        let active = headWeights.map { $0 != 0 }
        let factors = zip(headWeights, denominators).map { $0 / Double(max(1, $1)) }
        if let inputs, inputs.sizes == host.map(\.sizes), inputs.active == active {
            inputs.factors.upload(factors)
            for (batch, values) in zip(inputs.batches, host) { batch.upload(values) }
            try launch(inputs)
        } else {
            (work, losses, gradients) = (nil, nil, [])
            let values = Tensor.uploading(factors, shape: [factors.count], to: model.device)
            let inputs = Inputs(
                sizes: host.map(\.sizes), active: active, factors: values,
                batches: host.map { BatchTensors($0, for: model, lossFactors: values) },
                attention: host.map { model.attentionInputs(batch: $0.shape[0], length: $0.shape[1]) })
            self.inputs = inputs
            try run(inputs)
        }
        guard let losses else { preconditionFailure("every run of the passes sets the losses") }
        // Unweighted: a head of weight 0 has none.
        let inverse = headWeights.map { $0 == 0 ? 0 : 1 / $0 }
        return losses * .uploading(inverse, shape: [inverse.count], to: model.device)
    }

    private func launch(_ inputs: Inputs) throws {
        if let work {
            try work.replay()
        } else {
            let work = try CapturedWork(on: model.device) { [unowned self] in try run(inputs) }
            try work.replay()
            self.work = work
            gradients = model.parameters.compactMap { parameter in parameter.tensor.gradient.map { (parameter, $0) } }
        }
        for (parameter, gradient) in gradients where model.device != .cpu { parameter.tensor.gradient = gradient }
    }

    private func run(_ inputs: Inputs) throws {
        for parameter in model.parameters { parameter.tensor.gradient = nil }
        losses = try objective.accumulateGradients(
            in: model, batches: inputs.batches, denominators: inputs.active.map { _ in 1 },
            headWeights: inputs.active.map { $0 ? 1 : 0 }, onGradientReady: { _ in })
    }
}
