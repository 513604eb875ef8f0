import ForetokenFiles

/// Hugging Face's `config.json`, read as transformers 4 and 5 do, with their defaults for missing keys.
enum HuggingFaceConfiguration {
    /// Reads a model with n = 1, and notes on settings that a ``ModelConfiguration`` does not hold.
    ///
    /// - Throws: ``ModelError`` or `JSONError`, naming file and key; also for models that this version does not support.
    static func read(
        _ config: JSONNode, family: BlockFamily
    ) throws -> (configuration: ModelConfiguration, notes: [String]) {
        let sizes = 1...(1 << 24)
        func size(_ key: String) throws -> Int { try config[key].integer(in: sizes) }
        let (width, heads, context) = (
            try size("hidden_size"), try size("num_attention_heads"), try size("max_position_embeddings")
        )
        let keyValueHeads = try config["num_key_value_heads"]
        // Llama defaults to one key/value head per attention head; the other families' default is a fixed number.
        let isMultiHead = keyValueHeads.value == .null || (keyValueHeads.value == nil && family == .llama)
        let headDimension = try config["head_dim"].ifPresent?.integer(in: sizes) ?? (family == .qwen3 ? 128 : nil)
        guard headDimension != nil || width.isMultiple(of: heads) else {
            throw ModelError.disagreement(
                file: config.file, key: "hidden_size",
                found: "\(width), which is not a multiple of num_attention_heads (\(heads)),",
                expected: "a multiple of it, or a head_dim key,")
        }
        try refuseUnsupported(config)
        let (ropeBase, ropeScaling, ropeContext) = try rope(config, context: context)
        let layers = try size("num_hidden_layers")
        let bias = try config["attention_bias"].ifPresent?.bool() == true && family != .mistral
        let ends = try tokens(config["eos_token_id"])
        let configuration = ModelConfiguration(
            vocabulary: try size("vocab_size"), width: width, layers: layers,
            attentionHeads: heads, keyValueHeads: isMultiHead ? heads : try keyValueHeads.integer(in: sizes),
            headDimension: headDimension, feedForwardWidth: try size("intermediate_size"), heads: 1,
            contextLength: ropeContext,
            ropeBase: ropeBase, ropeScaling: ropeScaling,
            attentionBias: family == .qwen2 ? .inputs : bias ? .all : .none, queryKeyNorm: family == .qwen3,
            feedForwardBias: try (family == .llama || isOwn(config)) && config["mlp_bias"].ifPresent?.bool() ?? false,
            slidingWindow: try window(config, family: family, layers: layers),
            normEpsilon: try config["rms_norm_eps"].double(),
            tieEmbeddings: try config["tie_word_embeddings"].ifPresent?.bool() ?? false,
            // Qwen's tokenizers never prepend a token, whatever this key says.
            beginningOfText: [.qwen2, .qwen3].contains(family) ? nil : try tokens(config["bos_token_id"]).first,
            endOfText: ends.first)
        return (configuration, [])
    }

    /// A token or a list of tokens; empty for null.
    static func tokens(_ node: JSONNode) throws -> [Int32] {
        guard let node = node.ifPresent else { return [] }
        func token(_ node: JSONNode) throws -> Int32 { Int32(try node.integer(in: 0...Int(Int32.max))) }
        if case .array = node.value { return try node.array().map(token) }
        return [try token(node)]
    }

    /// Throws for settings that this version does not support, naming them.
    private static func refuseUnsupported(_ config: JSONNode) throws {
        if let activation = try config["hidden_act"].ifPresent, try activation.string() != "silu" {
            throw ModelError.unsupported(file: config.file, key: "hidden_act", value: try activation.string())
        }
        if let quantization = try config["quantization_config"].ifPresent {
            throw ModelError.otherModel(
                file: config.file, key: "quantization_config",
                value: try quantization["quant_method"].ifPresent?.string() ?? "a quantized checkpoint",
                supported: "float32, float16 and bfloat16 weights")
        }
    }
}
