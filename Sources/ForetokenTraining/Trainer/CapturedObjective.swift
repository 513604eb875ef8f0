import ForetokenModel
import ForetokenText
import Torch

/// An objective's forward and backward passes as work that is captured once and launched as a whole.
///
/// Tokens, targets and each head's weight over its number of valid targets, by which its losses are multiplied, change from step
/// to step and lie in memory of fixed places. The first step of a shape runs as it is, so that everything that is made once
/// (rotary tables, the libraries' workspaces) is there; the second is captured. Another shape, or another set of heads with
/// a weight, is captured again.
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
        /// Keeps the rotary tables that the captured work reads.
        let contexts: [SequenceContext]
    }

    init(_ model: MultiTokenModel, _ objective: any Objective) {
        (self.model, self.objective) = (model, objective)
    }

    /// As ``Objective/forwardBackward(_:batches:denominators:headWeights:onGradientReady:)``; the parameters' gradients are
    /// replaced, not added to.
    func forwardBackward(
        _ microbatches: [TokenBatch], denominators: [Int], headWeights: [Double]
    ) throws -> Tensor {
        let active = headWeights.map { $0 != 0 }
        let heads = headWeights.indices.filter { active[$0] }.map { $0 + 1 }
        let host = try microbatches.map { try HostBatch($0, for: model.configuration, heads: heads) }
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
                batches: host.map { BatchTensors($0, on: model.device, factors: values) },
                contexts: microbatches.map { model.context(length: $0.context) })
            self.inputs = inputs
            try run(inputs)
        }
        guard let losses else { preconditionFailure("passes leave losses") }
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
        losses = try objective.forwardBackward(
            model, batches: inputs.batches, denominators: inputs.active.map { _ in 1 },
            headWeights: inputs.active.map { $0 ? 1 : 0 }, onGradientReady: { _ in })
    }
}
