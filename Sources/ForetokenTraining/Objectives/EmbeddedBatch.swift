import ForetokenModel
import Torch

/// A micro-batch as the model reads it: the embeddings of its tokens, and who attends to whom.
struct EmbeddedBatch {
    /// Embeddings [B, T, D] for the trunk.
    let hidden: Tensor
    /// For the blocks of the trunk and of the heads.
    let attention: AttentionInputs
    /// Embeddings [B, T + j, D] of the tokens, and of those after them that heads join. Where heads do, a leaf that
    /// collects their gradient and the trunk's, so that the embedding [V, D] gets its own once.
    private let embeddings: Tensor
    private let lookup: Tensor
    private let length: Int

    init(_ batch: BatchTensors, for model: MultiTokenModel) {
        let following = model.configuration.headGraph.joinedTokens
        length = batch.tokens.shape[1] - following
        attention = model.attentionInputs(
            batch: batch.tokens.shape[0], length: length, documents: batch.documents)
        lookup = model.embedded(batch.tokens)
        embeddings = following > 0 ? lookup.detached(requiresGradient: lookup.requiresGradient) : lookup
        hidden = following > 0 ? embeddings.narrowed(axis: 1, from: 0, count: length) : embeddings
    }

    /// Whether the embedding learns.
    var requiresGradient: Bool { lookup.requiresGradient }

    /// Embeddings [B, T, D] of the tokens `distance` positions later.
    func embeddings(after distance: Int) -> Tensor { embeddings.narrowed(axis: 1, from: distance, count: length) }

    /// Adds the embedding's gradient where heads join embeddings; elsewhere the trunk's backward pass has added it.
    func backward() throws {
        if embeddings !== lookup, let gradient = embeddings.gradient { try lookup.backward(gradient: gradient) }
    }
}
