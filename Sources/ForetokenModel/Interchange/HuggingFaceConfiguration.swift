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
        try refuseUnsupported(config, family: family, context: context)
        let (ropeBase, ropeScaling) = try rope(config)
        let bias = try config["attention_bias"].ifPresent?.bool() == true && family != .mistral
        let ends = try tokens(config["eos_token_id"])
        let configuration = ModelConfiguration(
            vocabulary: try size("vocab_size"), width: width, layers: try size("num_hidden_layers"),
            attentionHeads: heads, keyValueHeads: isMultiHead ? heads : try keyValueHeads.integer(in: sizes),
            headDimension: headDimension, feedForwardWidth: try size("intermediate_size"), heads: 1,
            contextLength: context,
            ropeBase: ropeBase, ropeScaling: ropeScaling,
            attentionBias: family == .qwen2 ? .inputs : bias ? .all : .none, queryKeyNorm: family == .qwen3,
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

    /// `rope_scaling`, as transformers 4 and 5 and llama.cpp's converter read it.
    static func value(_ scaling: RopeScaling?) -> JSONValue {
        guard let scaling else { return .null }
        return [
            "rope_type": "llama3", "factor": .number(scaling.factor),
            "low_freq_factor": .number(scaling.lowFrequencyFactor),
            "high_freq_factor": .number(scaling.highFrequencyFactor),
            "original_max_position_embeddings": .integer(scaling.originalContext),
        ]
    }

    /// `rope_theta` and `rope_scaling` of transformers 4, or both in `rope_parameters` of 5.
    private static func rope(_ config: JSONNode) throws -> (base: Double, scaling: RopeScaling?) {
        let node = try config["rope_scaling"].ifPresent ?? config["rope_parameters"].ifPresent
        let base = try node?["rope_theta"].ifPresent ?? config["rope_theta"].ifPresent
        for object in [config, node].compactMap(\.self) {
            if let part = try object["partial_rotary_factor"].ifPresent, try part.double() != 1 {
                throw ModelError.otherModel(
                    file: part.file, key: part.path, value: String(try part.double()), supported: "1")
            }
        }
        let theta = try base?.double() ?? 10_000
        guard let node, let type = try node["rope_type"].ifPresent ?? node["type"].ifPresent else {
            return (theta, nil)
        }
        switch try type.string() {
        case "default": return (theta, nil)
        case "llama3":
            return (
                theta,
                RopeScaling(
                    factor: try node["factor"].double(), lowFrequencyFactor: try node["low_freq_factor"].double(),
                    highFrequencyFactor: try node["high_freq_factor"].double(),
                    originalContext: try node["original_max_position_embeddings"].integer(in: 1...(1 << 24)))
            )
        case let other:
            throw ModelError.otherModel(file: type.file, key: type.path, value: other, supported: "default, llama3")
        }
    }

    /// Throws for settings that this version does not support, naming them.
    private static func refuseUnsupported(_ config: JSONNode, family: BlockFamily, context: Int) throws {
        if family == .llama, let bias = try config["mlp_bias"].ifPresent, try bias.bool() {
            throw ModelError.unsupported(file: config.file, key: "mlp_bias", value: "true")
        }
        if let activation = try config["hidden_act"].ifPresent, try activation.string() != "silu" {
            throw ModelError.unsupported(file: config.file, key: "hidden_act", value: try activation.string())
        }
        if let quantization = try config["quantization_config"].ifPresent {
            throw ModelError.otherModel(
                file: config.file, key: "quantization_config",
                value: try quantization["quant_method"].ifPresent?.string() ?? "a quantized checkpoint",
                supported: "float32, float16 and bfloat16 weights")
        }
        // Sliding windows are on by default for Mistral, opt-in for Qwen and unknown to Llama.
        let window = try config["sliding_window"]
        let hasWindow =
            switch family {
            case .llama: window.ifPresent != nil
            case .mistral: window.value != .null
            case .qwen2, .qwen3: try window.value != .null && config["use_sliding_window"].ifPresent?.bool() ?? false
            }
        guard hasWindow else { return }
        let size = window.value == nil ? 4096 : try window.integer()
        guard size >= context else {
            throw ModelError.otherModel(
                file: config.file, key: "sliding_window", value: String(size),
                supported: "null, or at least max_position_embeddings (\(context))")
        }
    }
}
