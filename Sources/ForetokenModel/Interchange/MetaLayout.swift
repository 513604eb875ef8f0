/// The tensors of Meta's released multi-token format: Llama's names, with the next-token head as the last of `layers` and the
/// other heads as `extra_heads` in order (model card of facebook/multi-token-prediction).
struct MetaLayout {
    /// A tensor of the file and its parameter.
    struct Entry {
        /// The ``ParameterOutline/name``.
        let parameter: String
        /// The name in the file.
        let name: String
        let shape: [Int]
        /// Whether the rotary embedding applies to its rows, which are then stored in pairs (``RowTransform``).
        let isRotary: Bool
    }

    static let embeddingName = "tok_embeddings.weight"
    static let unembeddingName = "output.weight"

    /// All tensors, in Meta's order.
    let entries: [Entry]

    /// - Parameter configuration: a model with `parallel` heads.
    init(_ configuration: ModelConfiguration) {
        let (width, inner, vocabulary) = (
            configuration.width, configuration.feedForwardWidth, configuration.vocabulary
        )
        let queryRows = configuration.attentionHeads * configuration.headDimension
        let keyRows = configuration.keyValueHeads * configuration.headDimension
        func block(_ ours: String, _ theirs: String) -> [Entry] {
            func entry(_ parameter: String, _ name: String, _ shape: [Int], isRotary: Bool = false) -> Entry {
                Entry(
                    parameter: "\(ours).\(parameter).weight", name: "\(theirs).\(name).weight", shape: shape,
                    isRotary: isRotary)
            }
            return [
                entry(
                    "self_attn.q_proj", "attention.wq", [queryRows, width], isRotary: true),
                entry("self_attn.k_proj", "attention.wk", [keyRows, width], isRotary: true),
                entry("self_attn.v_proj", "attention.wv", [keyRows, width]),
                entry("self_attn.o_proj", "attention.wo", [width, queryRows]),
                entry("mlp.gate_proj", "feed_forward.w1", [inner, width]),
                entry("mlp.down_proj", "feed_forward.w2", [width, inner]),
                entry("mlp.up_proj", "feed_forward.w3", [inner, width]),
                entry("input_layernorm", "attention_norm", [width]),
                entry("post_attention_layernorm", "ffn_norm", [width]),
            ]
        }
        func one(_ parameter: String, _ name: String, _ shape: [Int]) -> Entry {
            Entry(parameter: parameter, name: name, shape: shape, isRotary: false)
        }
        entries =
            [one("model.embed_tokens.weight", Self.embeddingName, [vocabulary, width])]
            + (0...configuration.trunkLayers).flatMap { block("model.layers.\($0)", "layers.\($0)") }
            + (1..<configuration.heads).flatMap { block("heads.\($0 + 1)", "extra_heads.\($0 - 1)") }
            + [one("model.norm.weight", "norm.weight", [width])]
            + (configuration.tieEmbeddings ? [] : [one("lm_head.weight", Self.unembeddingName, [vocabulary, width])])
    }
}
