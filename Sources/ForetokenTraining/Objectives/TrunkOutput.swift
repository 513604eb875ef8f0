import ForetokenModel
import Torch

/// The trunk's output z over a micro-batch, with the backward pass to come.
final class TrunkOutput {
    /// [B, T, D]. With ``Recomputation/blocks`` a leaf that collects its gradient, else the end of the recorded trunk.
    let value: Tensor
    private let model: MultiTokenModel
    private let x: EmbeddedBatch
    private let ready: GradientReadiness
    /// The blocks that will run forward again, each with its input.
    private var checkpointedBlocks: [(block: TransformerBlock, input: Tensor)] = []

    /// Runs the trunk.
    ///
    /// - Parameter ready: told when the gradients of the trunk and the embedding are final, and those of what all heads
    ///   share, which are when the backward pass of z begins.
    init(_ model: MultiTokenModel, _ x: EmbeddedBatch, recompute: Recomputation, ready: GradientReadiness = .silent) {
        self.model = model
        self.x = x
        self.ready = ready
        guard recompute == .blocks, !model.trunk.isEmpty else {
            value = model.trunk.reduce(x.hidden) { hidden, block in block(hidden, x.attention) }
            return
        }
        var hidden = x.hidden.detached()
        for block in model.trunk {
            checkpointedBlocks.append((block, hidden))
            hidden = withoutGradient { block(hidden, x.attention) }
        }
        value = hidden.detached(requiresGradient: x.requiresGradient)
    }

    /// Whether the trunk learns.
    var requiresGradient: Bool { value.requiresGradient }

    /// z for the heads to read: as a leaf it collects their gradients.
    func detached(requiresGradient: Bool) -> Tensor { value.detached(requiresGradient: requiresGradient) }

    /// Adds the gradients of the trunk and the embedding; once.
    ///
    /// - Parameter gradient: that of z; nil if no head contributed to it.
    func backward(gradient: Tensor?) throws {
        ready(model.sharedByHeads)
        if requiresGradient, let gradient { try backwardThroughTrunk(gradient) }
        try x.backward()
        ready([model.embedding])
    }

    /// Block by block from the last to the first, which is the order in which gradients become final.
    private func backwardThroughTrunk(_ gradient: Tensor) throws {
        var gradient = gradient
        let isRecorded = checkpointedBlocks.isEmpty
        while let (block, input) = checkpointedBlocks.popLast() {
            let leaf = input.detached(requiresGradient: true)
            try block(leaf, x.attention).backward(gradient: gradient)
            if let deeper = leaf.gradient { gradient = deeper }
            ready(block.parameters)
        }
        let parameters = model.trunk.flatMap(\.parameters)
        guard isRecorded, let report = ready.report, !parameters.isEmpty else {
            return try (isRecorded ? value : x.hidden).backward(gradient: gradient)
        }
        try value.backward(gradient: gradient, leaves: parameters.map(\.tensor)) { report(parameters[$0]) }
    }
}
