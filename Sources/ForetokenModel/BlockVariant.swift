/// The attention projections that have biases.
public enum AttentionBias: String, Sendable, CaseIterable {
    /// None: Llama, Mistral, Qwen 3.
    case none
    /// Queries, keys and values: Qwen 2.
    case inputs
    /// Queries, keys, values and the output: Llama and Qwen 3 with `attention_bias`.
    case all
}

/// Attention to the most recent tokens only (Mistral, arXiv 2310.06825).
public struct SlidingWindow: Sendable, Equatable {
    /// The number of tokens that a token attends to, itself included.
    public var size: Int
    /// The first layer with a window, counted from the input; the layers before it attend to the whole context.
    public var firstLayer: Int

    /// Creates a window, by default of all layers.
    public init(size: Int, firstLayer: Int = 0) { (self.size, self.firstLayer) = (size, firstLayer) }

    func validate() throws(ModelError) {
        guard size > 0, size <= 1 << 24, firstLayer >= 0, firstLayer <= 1 << 24 else {
            throw .impossible(
                "the sliding window of \(size) tokens from layer \(firstLayer) on needs a size of at least 1 and a layer of at least 0"
            )
        }
    }
}
