import ForetokenModel
import Torch

/// One micro-batch of an objective that goes head by head: everything that the paper's figure 2 takes for granted.
///
/// Targets, weights, recomputation, frozen parameters and reports of final gradients are handled here, so that
/// ``accumulateGradientsOfFlatHeads()`` and ``accumulateGradientsOfChainedHeads()`` are the method and nothing else.
struct HeadByHeadPass {
    let model: MultiTokenModel
    /// The embedded tokens.
    let x: EmbeddedBatch
    /// The heads that have a loss, and those that they read; inputs before their readers.
    let heads: [HeadPass]
    let weights: LossWeights
    /// Reports gradients that are final.
    let ready: GradientReadiness
    private let batch: BatchTensors
    private let options: ObjectiveOptions
    private let headLoss: any HeadLoss
    /// Each head's loss over all micro-batches.
    private let losses: HeadLosses

    init(
        _ model: MultiTokenModel, _ batch: BatchTensors, options: ObjectiveOptions, headLoss: any HeadLoss,
        weights: LossWeights, losses: HeadLosses, ready: GradientReadiness
    ) {
        self.model = model
        self.batch = batch
        self.options = options
        self.headLoss = headLoss
        self.weights = weights
        self.losses = losses
        self.ready = ready
        x = EmbeddedBatch(batch, for: model)
        heads = model.headPasses(
            model.configuration.headGraph.nodes(for: weights.active), over: x, detachTrunk: options.detachTrunk)
    }

    /// The trunk's forward pass.
    func trunkOutput(_ x: EmbeddedBatch) -> TrunkOutput {
        TrunkOutput(model, x, recompute: options.recompute, ready: ready)
    }

    /// What each head learns from.
    func targets(_ z: TrunkOutput) -> MicrobatchTargets {
        MicrobatchTargets(batch, weights: weights, teacher: model.teacher(options, x, z))
    }

    /// A head's loss, for figure 2's `loss(p, y).backward()`. It is deferred: ``PendingLoss/backward()`` computes value and
    /// gradient in one operation.
    func loss(_ output: Tensor, _ targets: HeadTargets) -> PendingLoss {
        PendingLoss(pass: self, output: output, targets: targets)
    }

    /// Adds the gradient of a head's loss to those of the norm and the unembedding, and notes the loss.
    ///
    /// - Returns: the gradient of the head's output [B, T, D].
    func accumulateGradient(of output: Tensor, _ targets: HeadTargets) throws -> Tensor {
        let (loss, gradient) = try headLoss.accumulateGradient(of: output.detached(), targets)
        losses.add(loss * (1 / targets.denominator), head: targets.head)
        return gradient
    }
}

/// The loss of a head's output before its backward pass.
struct PendingLoss {
    fileprivate let pass: HeadByHeadPass
    fileprivate let output: Tensor
    fileprivate let targets: HeadTargets

    /// Adds the gradient of the loss to those of all that the output was made from, norm and unembedding included.
    func backward() throws {
        let gradient = try pass.accumulateGradient(of: output, targets)
        // If the trunk and head 1 are frozen, there is nothing to propagate to.
        if output.requiresGradient { try output.backward(gradient: gradient) }
        pass.ready(pass.model.heads[targets.head - 1].parameters)
    }
}

extension MultiTokenModel {
    /// The paper's memory-efficient objective (section 2, figures 2 and S11): the trunk runs forward, the heads run
    /// forward and backward one after another from a detached z, and the gradient they leave there runs through the
    /// trunk once.
    ///
    /// - Parameter loss: the loss of a head's output.
    /// - Returns: as ``Objective/accumulateGradients(in:batches:denominators:headWeights:onGradientReady:)``.
    func accumulateGradientsHeadByHead(
        _ batches: [BatchTensors], weights: LossWeights, options: ObjectiveOptions, loss: any HeadLoss,
        onGradientReady: (Parameter) -> Void
    ) throws -> Tensor {
        let losses = HeadLosses(self)
        try withoutActuallyEscaping(onGradientReady) { onGradientReady in
            for (index, batch) in batches.enumerated() {
                let isLast = index == batches.count - 1
                let pass = HeadByHeadPass(
                    self, batch, options: options, headLoss: loss, weights: weights, losses: losses,
                    ready: GradientReadiness(report: isLast ? onGradientReady : nil))
                if configuration.headGraph.isFlat {
                    try pass.accumulateGradientsOfFlatHeads()
                } else {
                    try pass.accumulateGradientsOfChainedHeads()
                }
            }
        }
        return try losses.joined()
    }
}
