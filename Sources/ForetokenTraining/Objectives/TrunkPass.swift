import ForetokenModel
import Torch

/// What a recipe keeps of the trunk between its forward and its backward pass.
public enum Recomputation: String, Sendable, CaseIterable {
    /// Everything the backward pass needs.
    case none
    /// Each block's input only: the block runs again when its backward pass comes (Chen et al., arXiv 1604.06174). One more
    /// forward pass of the trunk, for the memory of one block.
    case blocks
}

/// The trunk's forward pass over a batch, and its backward pass to come: detach and replay, as the paper does with heads.
final class TrunkPass {
    /// The trunk's output [B, T, D], for the heads to read.
    ///
    /// With ``Recomputation/blocks`` a leaf that collects its gradient, else the end of the recorded trunk.
    let z: Tensor
    private let embedded: Tensor
    private var blocks: [(block: TransformerBlock, input: Tensor)] = []
    private let context: SequenceContext

    init(_ model: MultiTokenModel, _ batch: BatchTensors, recompute: Recomputation) {
        context = batch.context
        embedded = model.embedding.tensor.rows(at: batch.inputs)
        guard recompute == .blocks else {
            z = model.trunk.reduce(embedded) { x, block in block(x, batch.context) }
            return
        }
        var x = embedded.detached()
        for block in model.trunk {
            blocks.append((block, x))
            x = withoutGradient { block(x, batch.context) }
        }
        z = x.detached(requiresGradient: true)
    }

    /// Adds the gradients of the trunk and the embedding for `gradient` of ``z``; once.
    func backward(gradient: Tensor?) throws {
        guard !blocks.isEmpty else { return try z.backward(gradient: gradient) }
        var gradient = gradient
        while let (block, input) = blocks.popLast() {
            let x = input.detached(requiresGradient: true)
            try block(x, context).backward(gradient: gradient)
            gradient = x.gradient
        }
        try embedded.backward(gradient: gradient)
    }
}
