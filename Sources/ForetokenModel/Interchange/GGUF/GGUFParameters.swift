import ForetokenFormats

/// A model's configuration in the metadata of a GGUF file (gguf-py/gguf/constants.py, llama.cpp's `load_hparams`).
enum GGUFParameters {
    /// Keys under the architecture that are read, or say nothing about the computation.
    private static let known: Set<String> = [
        "vocab_size", "context_length", "embedding_length", "block_count", "feed_forward_length",
        "attention.head_count", "attention.head_count_kv", "attention.key_length", "attention.value_length",
        "attention.layer_norm_rms_epsilon", "attention.sliding_window", "attention.causal", "rope.dimension_count",
        "rope.freq_base", "rope.scale_linear", "rope.scaling.type", "rope.scaling.factor", "rope.scaling.attn_factor",
        "rope.scaling.original_context_length", "rope.scaling.finetuned",
        "rope.scaling.yarn_ext_factor", "rope.scaling.yarn_attn_factor", "rope.scaling.yarn_log_multiplier",
        "rope.scaling.yarn_beta_fast", "rope.scaling.yarn_beta_slow", "expert_count", "expert_used_count",
        "tensor_data_layout", "use_parallel_residual", "logit_scale", "residual_scale", "embedding_scale",
        "attention.scale", "pooling_type",
    ]

    // MARK: Reading

    /// The architecture, which llama.cpp calls `llama` for Mistral's models, too.
    ///
    /// - Throws: ``ModelError/otherModel(file:key:value:supported:)``.
    static func family(_ file: GGUFFile) throws -> BlockFamily {
        let key = "general.architecture"
        let name = try required(file, key, file.text(key))
        let readable: [BlockFamily] = [.llama, .qwen2, .qwen3]
        guard let family = readable.first(where: { $0.rawValue == name }) else {
            throw ModelError.otherModel(
                file: file.file, key: key, value: name, supported: readable.map(\.rawValue).joined(separator: ", "))
        }
        return family
    }

    /// Reads the shape; the tokens that the vocabulary names are left out.
    ///
    /// - Throws: `GGUFError` or ``ModelError``, naming file and key; also for settings that could change the computation and are
    ///   not supported.
    static func read(_ file: GGUFFile, family: BlockFamily) throws -> ModelConfiguration {
        let prefix = family.rawValue + "."
        for key in file.keys
        where key.utf8.starts(with: prefix.utf8) && !known.contains(String(key.dropFirst(prefix.count))) {
            throw ModelError.unsupported(file: file.file, key: key, value: "a setting that this version does not know")
        }
        let sizes = 1...(1 << 24)
        func size(_ key: String) throws -> Int {
            try required(file, prefix + key, file.integer(prefix + key, in: sizes))
        }
        let (width, layers) = (try size("embedding_length"), try size("block_count"))
        func perLayer(_ key: String) throws -> Int? { try same(file, prefix + key, layers: layers) }
        let heads = try required(file, prefix + "attention.head_count", perLayer("attention.head_count"))
        let keyLength = try file.integer(prefix + "attention.key_length", in: sizes)
        guard keyLength != nil || width.isMultiple(of: heads) else {
            throw ModelError.disagreement(
                file: file.file, key: prefix + "embedding_length", found: "\(width)",
                expected: "a multiple of attention.head_count (\(heads)), or attention.key_length,")
        }
        let headDimension = keyLength ?? width / heads
        // llama.cpp derives each of the two from the width if it is missing.
        for key in ["attention.value_length", "rope.dimension_count"] {
            let found =
                try file.integer(prefix + key, in: sizes) ?? (key.hasPrefix("rope") ? headDimension : width / heads)
            guard found == headDimension else {
                throw ModelError.otherModel(
                    file: file.file, key: prefix + key, value: String(found),
                    supported: "the dimension of a head (\(headDimension))")
            }
        }
        let context = try size("context_length")
        try refuseUnsupported(file, prefix, headDimension: headDimension, context: context)
        guard let embedding = file.entry("token_embd.weight") else {
            throw ModelError.missingTensor(file: file.file, tensor: "token_embd.weight")
        }
        let vocabulary = embedding.shape.first ?? 0
        if let declared = try file.integer(prefix + "vocab_size", in: sizes), declared != vocabulary {
            throw ModelError.disagreement(
                file: file.file, key: prefix + "vocab_size", found: String(declared), expected: String(vocabulary))
        }
        let base = try file.double(prefix + "rope.freq_base") ?? 10_000
        func hasBias(_ part: String) -> Bool { file.entry("blk.0.\(part).bias") != nil }
        var configuration = ModelConfiguration(
            vocabulary: vocabulary, width: width, layers: layers, attentionHeads: heads,
            keyValueHeads: try perLayer("attention.head_count_kv"), headDimension: headDimension,
            feedForwardWidth: try required(
                file, prefix + "feed_forward_length", perLayer("feed_forward_length")), heads: 1,
            contextLength: context, ropeBase: base,
            attentionBias: hasBias("attn_output") ? .all : hasBias("attn_q") ? .inputs : .none,
            queryKeyNorm: family == .qwen3, feedForwardBias: family == .llama && hasBias("ffn_gate"),
            normEpsilon: try required(
                file, prefix + "attention.layer_norm_rms_epsilon",
                file.double(prefix + "attention.layer_norm_rms_epsilon")),
            tieEmbeddings: file.entry("output.weight") == nil)
        (configuration.ropeScaling, configuration.contextLength) = try rope(file, prefix, context: context)
        try configuration.validate(file: file.file)
        if let scaling = try GGUFRopeFactors.scaling(file, configuration, prefix: prefix) {
            guard configuration.ropeScaling == nil else {
                throw ModelError.otherModel(
                    file: file.file, key: GGUFRopeFactors.name, value: "a second RoPE scaling", supported: "one of them"
                )
            }
            configuration.ropeScaling = scaling
        }
        return configuration
    }

    private static func required<Value>(_ file: GGUFFile, _ key: String, _ value: Value?) throws -> Value {
        guard let value else { throw GGUFError.metadata(file: file.file, key: key, reason: "is missing") }
        return value
    }

    /// A size that may be given for each layer, if it is the same for all.
    private static func same(_ file: GGUFFile, _ key: String, layers: Int) throws -> Int? {
        guard let values = try file.integers(key) else { return nil }
        guard let first = values.first, values.allSatisfy({ $0 == first }), [1, layers].contains(values.count),
            (1...(1 << 24)).contains(first)
        else {
            throw GGUFError.metadata(
                file: file.file, key: key, reason: "must be one positive number, or the same one for each layer")
        }
        return first
    }

    private static func refuseUnsupported(
        _ file: GGUFFile, _ prefix: String, headDimension: Int, context: Int
    ) throws {
        func refuse(_ key: String, _ value: String, _ supported: String) -> ModelError {
            .otherModel(file: file.file, key: prefix + key, value: value, supported: supported)
        }
        let counts = 0...(1 << 24)
        if let experts = try file.integer(prefix + "expert_count", in: counts), experts > 0 {
            throw refuse("expert_count", String(experts), "0: models without experts")
        }
        if try file.bool(prefix + "attention.causal") == false { throw refuse("attention.causal", "false", "true") }
        if let window = try file.integer(prefix + "attention.sliding_window", in: counts), window > 0, window < context
        {
            throw refuse("attention.sliding_window", String(window), "0, or at least context_length (\(context))")
        }
        for key in [
            "logit_scale", "residual_scale", "embedding_scale", "rope.scaling.attn_factor",
        ] {
            // 0 is llama.cpp's word for "not given".
            if let scale = try file.double(prefix + key), scale != 1, scale != 0 {
                throw refuse(key, String(scale), "1")
            }
        }
        if let scale = try file.double(prefix + "attention.scale"), scale != 0,
            abs(scale * Double(headDimension).squareRoot() - 1) > 1e-6
        {
            throw refuse("attention.scale", String(scale), "1/√\(headDimension)")
        }
    }

    /// The scaling that a file's keys name, as llama.cpp reads them, and the context length.
    private static func rope(
        _ file: GGUFFile, _ prefix: String, context: Int
    ) throws -> (scaling: RopeScaling?, context: Int) {
        func key(_ name: String) -> String { "\(prefix)rope.scaling.\(name)" }
        let type = try file.text(key("type")) ?? "linear"
        for (name, usual) in [
            ("yarn_ext_factor", type == "yarn" ? 1.0 : 0), ("yarn_attn_factor", 1), ("yarn_log_multiplier", 0),
        ] {
            // A negative one stands for the usual one.
            if let value = try file.double(key(name)), value != usual, value != -1 {
                throw ModelError.otherModel(
                    file: file.file, key: key(name), value: String(value), supported: String(usual))
            }
        }
        // 0 is llama.cpp's word for "not given"; the older key comes first there, too.
        let factors = [try file.double(prefix + "rope.scale_linear"), try file.double(key("factor"))]
        let factor = factors.lazy.compactMap { $0 == 0 ? nil : $0 }.first
        // Without a type, llama.cpp scales linearly if there is a factor.
        switch type {
        case "none": return (nil, context)
        case "linear":
            guard let factor, factor != 1 else { return (nil, context) }
            return (.linear(factor: factor), context)
        case "yarn":
            let original = try file.integer(key("original_context_length"), in: 1...(1 << 24)) ?? context
            let yarn = RopeScaling.Yarn(
                factor: try required(file, key("factor"), factor), originalContext: original,
                betaFast: try file.double(key("yarn_beta_fast")) ?? 32,
                betaSlow: try file.double(key("yarn_beta_slow")) ?? 1)
            try RopeScaling.yarn(yarn).validate(context: context)
            // As transformers takes such a configuration, see HuggingFaceConfiguration.rope.
            let extended = min(Double(1 << 24), yarn.factor * Double(context))
            return (.yarn(yarn), original == context ? max(context, Int(extended)) : context)
        case let other:
            throw ModelError.otherModel(
                file: file.file, key: key("type"), value: other, supported: "none, linear, yarn")
        }
    }

    // MARK: Writing

    /// The metadata of a configuration.
    static func metadata(_ configuration: ModelConfiguration) -> [(String, GGUFValue)] {
        let family = BlockFamily(configuration).rawValue
        return [
            ("\(family).vocab_size", .uint32(configuration.vocabulary)),
            ("\(family).context_length", .uint32(configuration.contextLength)),
            ("\(family).embedding_length", .uint32(configuration.width)),
            ("\(family).block_count", .uint32(configuration.layers)),
            ("\(family).feed_forward_length", .uint32(configuration.feedForwardWidth)),
            ("\(family).attention.head_count", .uint32(configuration.attentionHeads)),
            ("\(family).attention.head_count_kv", .uint32(configuration.keyValueHeads)),
            ("\(family).attention.key_length", .uint32(configuration.headDimension)),
            ("\(family).attention.value_length", .uint32(configuration.headDimension)),
            ("\(family).attention.layer_norm_rms_epsilon", .float32(configuration.normEpsilon)),
            ("\(family).rope.dimension_count", .uint32(configuration.headDimension)),
            ("\(family).rope.freq_base", .float32(configuration.ropeBase)),
        ] + metadata(configuration.ropeScaling, "\(family).rope.scaling.")
    }

    /// The keys of a scaling that has some; Llama 3's is a tensor, and within its context a dynamic one changes nothing.
    private static func metadata(_ scaling: RopeScaling?, _ prefix: String) -> [(String, GGUFValue)] {
        switch scaling {
        case nil, .llama3, .dynamic: []
        case .linear(let factor): [("\(prefix)type", .string("linear")), ("\(prefix)factor", .float32(factor))]
        case .yarn(let yarn):
            [
                ("\(prefix)type", .string("yarn")), ("\(prefix)factor", .float32(yarn.factor)),
                ("\(prefix)original_context_length", .uint32(yarn.originalContext)),
                ("\(prefix)yarn_beta_fast", .float32(yarn.betaFast)),
                ("\(prefix)yarn_beta_slow", .float32(yarn.betaSlow)),
            ]
        }
    }
}
