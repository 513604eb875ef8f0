public import Torch

/// The paper's objective as it stands there: head by head, each with all of its logits (section 2, figure 2).
public struct SequentialObjective: Objective {
    /// The settings.
    public let options: ObjectiveOptions

    /// The objective.
    public init(_ options: ObjectiveOptions = ObjectiveOptions()) { self.options = options }

    /// See ``Objective/accumulateGradients(in:batches:denominators:headWeights:onGradientReady:)``.
    public func accumulateGradients(
        in model: MultiTokenModel, batches: [BatchTensors], denominators: [Int], headWeights: [Double],
        onGradientReady: (Parameter) -> Void
    ) throws -> Tensor {
        try model.accumulateGradientsHeadByHead(
            batches, weights: LossWeights(headWeights: headWeights, denominators: denominators), options: options,
            loss: LogitsLoss(model: model), onGradientReady: onGradientReady)
    }
}

/// A head's loss by way of all its logits [N, V], which autograd runs back through.
struct LogitsLoss: HeadLoss {
    let model: MultiTokenModel

    func accumulateGradient(
        of output: Tensor, _ targets: HeadTargets
    ) throws -> (loss: Tensor, gradient: Tensor) {
        let sum = model.crossEntropySum(output.requireGradient(), targets.tensors(), head: targets.head)
        try (sum * targets.scale).backward()
        guard let gradient = output.gradient else { preconditionFailure("a leaf has a gradient after backward") }
        return (sum, gradient)
    }
}
