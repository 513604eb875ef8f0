/// The names of parameters in GGUF files, both ways from one table (gguf-py/gguf/tensor_mapping.py).
enum GGUFNames {
    private static let whole = [
        ("model.embed_tokens.weight", "token_embd.weight"), ("model.norm.weight", "output_norm.weight"),
        ("lm_head.weight", "output.weight"),
    ]

    /// Between `model.layers.N.` or `blk.N.` and `.weight` or `.bias`.
    private static let parts = [
        ("input_layernorm", "attn_norm"), ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"), ("self_attn.o_proj", "attn_output"), ("self_attn.q_norm", "attn_q_norm"),
        ("self_attn.k_norm", "attn_k_norm"), ("post_attention_layernorm", "ffn_norm"), ("mlp.gate_proj", "ffn_gate"),
        ("mlp.up_proj", "ffn_up"), ("mlp.down_proj", "ffn_down"),
    ]

    private static let wholeByParameter = Dictionary(uniqueKeysWithValues: whole)
    private static let partsByParameter = Dictionary(uniqueKeysWithValues: parts)

    /// The file's name of a parameter; nil for one that the format has no name for.
    static func name(of parameter: String) -> String? {
        if let name = wholeByParameter[parameter] { return name }
        let pieces = parameter.split(separator: ".", omittingEmptySubsequences: false)
        guard pieces.count >= 5, pieces[0] == "model", pieces[1] == "layers", let kind = pieces.last,
            let part = partsByParameter[pieces[3..<(pieces.count - 1)].joined(separator: ".")]
        else { return nil }
        return "blk.\(pieces[2]).\(part).\(kind)"
    }

    /// Whether llama.cpp orders the parameter's rows by pairs: queries and keys of architecture `llama`.
    static func isPaired(_ parameter: String, _ family: BlockFamily) -> Bool {
        family == .llama && (parameter.contains(".self_attn.q_proj.") || parameter.contains(".self_attn.k_proj."))
    }
}
