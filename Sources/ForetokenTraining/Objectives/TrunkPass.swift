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
    /// Embeddings [B, T + j, D] of the batch's tokens. Where heads join them, a leaf that collects the trunk's gradient and
    /// theirs, so that the embedding [V, D] gets its own once.
    private let embedded: Tensor
    private let lookup: Tensor
    private var blocks: [(block: TransformerBlock, input: Tensor)] = []
    private let input: Tensor
    /// Positions and who may look at whom, for blocks of the trunk and of heads.
    let context: SequenceContext
    private let length: Int
    private let parameters: [Parameter]

    init(_ model: MultiTokenModel, _ batch: BatchTensors, recompute: Recomputation) {
        parameters = model.trunk.flatMap(\.parameters)
        let following = model.configuration.headGraph.joinedTokens
        length = batch.tokens.shape[1] - following
        let context = model.context(length: length, documents: batch.documents)
        self.context = context
        lookup = model.embedded(batch.tokens)
        let learns = lookup.requiresGradient
        embedded = following > 0 ? lookup.detached(requiresGradient: learns) : lookup
        input = following > 0 ? embedded.narrowed(axis: 1, from: 0, count: length) : embedded
        guard recompute == .blocks, !model.trunk.isEmpty else {
            z = model.trunk.reduce(input) { x, block in block(x, context) }
            return
        }
        var x = input.detached()
        for block in model.trunk {
            blocks.append((block, x))
            x = withoutGradient { block(x, context) }
        }
        z = x.detached(requiresGradient: learns)
    }

    /// Embeddings [B, T, D] of the tokens that a head joins to its input; nil if it joins none.
    func embedded(for node: HeadGraph.Node) -> Tensor? {
        node.joined.map { embedded.narrowed(axis: 1, from: $0, count: length) }
    }

    /// Adds the gradients of the trunk and the embedding for `gradient` of ``z``; once.
    ///
    /// - Parameter ready: called with each of the trunk's parameters as soon as its gradient is final, from the last block
    ///   to the first; nil while more micro-batches follow.
    func backward(gradient: Tensor?, ready: ((Parameter) -> Void)? = nil) throws {
        guard z.requiresGradient, var gradient else { return try backwardLookup() }
        let isReplayed = !blocks.isEmpty
        while let (block, input) = blocks.popLast() {
            let x = input.detached(requiresGradient: true)
            try block(x, context).backward(gradient: gradient)
            if let deeper = x.gradient { gradient = deeper }
            if let ready { block.parameters.forEach(ready) }
        }
        if let ready, !isReplayed, !parameters.isEmpty {
            try z.backward(gradient: gradient, leaves: parameters.map(\.tensor)) { ready(parameters[$0]) }
        } else {
            try (isReplayed ? input : z).backward(gradient: gradient)
        }
        try backwardLookup()
    }

    /// What is left after a backward pass that ran through the recorded trunk by itself.
    func backwardLookup() throws {
        if embedded !== lookup, let gradient = embedded.gradient { try lookup.backward(gradient: gradient) }
    }
}
