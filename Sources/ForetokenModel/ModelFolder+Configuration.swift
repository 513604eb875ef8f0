import ForetokenFiles
import ForetokenFormats
public import ForetokenPlatform

extension ModelFolder {
    /// Reads the configuration of a model folder: Foretoken's from its two `config.json` files, a Hugging Face checkpoint's with
    /// n = 1, or n = 2 if it has a layer for multi-token prediction.
    ///
    /// - Throws: ``ModelError`` or `JSONError`, naming file and key.
    public static func readConfiguration(_ folder: URL) throws -> ModelConfiguration {
        try readFolder(folder).configuration
    }

    /// Reads the configuration of a model of any readable format; if the folder has a `config.json`, without opening the
    /// weights.
    ///
    /// - Throws: an error that names file and key.
    public static func configuration(of url: URL) throws -> ModelConfiguration {
        let hasConfiguration = FileManager.default.fileExists(
            atPath: url.appendingPathComponent(configurationName).path)
        return hasConfiguration || !looksLikeModel(url) ? try readConfiguration(url) : try source(url).configuration
    }

    /// Reads the configuration, whether the folder is Foretoken's, and notes on settings that a ``ModelConfiguration`` does not
    /// hold.
    static func readFolder(_ folder: URL) throws -> (configuration: ModelConfiguration, isOurs: Bool, notes: [String]) {
        let llamaURL = folder.appendingPathComponent(configurationName)
        let extraURL = folder.appendingPathComponent(extrasFolder).appendingPathComponent(configurationName)
        guard FileManager.default.fileExists(atPath: llamaURL.path) else {
            throw ModelError.notAModelFolder(folder: folder.relativePath, missing: configurationName)
        }
        try FolderLinks.check(llamaURL, in: folder)
        let llama = try JSONNode(contentsOf: llamaURL)
        let isOurs = FileManager.default.fileExists(atPath: extraURL.path)
        if !isOurs { try HuggingFaceConfiguration.refuseSeparateHeads(llama) }
        let type = try llama["model_type"].string()
        guard isOurs else {
            guard type != ownType else {
                throw ModelError.notAModelFolder(
                    folder: folder.relativePath, missing: "\(extrasFolder)/\(configurationName)")
            }
            var (configuration, notes) = try HuggingFaceConfiguration.read(llama, family: .init(llama["model_type"]))
            try HuggingFaceConfiguration.addHeads(llama, to: &configuration)
            configuration.take(try FolderTokens(folder, config: llama, vocabulary: configuration.vocabulary))
            configuration.declaredType = try declaredType(llama)
            try configuration.validate(file: llama.file)
            return (configuration, false, notes)
        }
        try FolderLinks.check(extraURL, in: folder)
        let extra = try JSONNode(contentsOf: extraURL)
        let version = try extra["format_version"].integer()
        guard version == formatVersion else {
            throw ModelError.unsupported(file: extra.file, key: "format_version", value: String(version))
        }
        let family: BlockFamily =
            type != ownType
            ? try .init(llama["model_type"]) : try extra["block_type"].ifPresent.map { try .init($0) } ?? .llama
        var (configuration, _) = try HuggingFaceConfiguration.read(llama, family: family)
        let sizes = 1...(1 << 24)
        let hidden = configuration.layers
        configuration.heads = try extra["heads"].integer(in: sizes)
        configuration.headKind = try kind(extra["head_kind"])
        configuration.layers = try extra["layers"].integer(in: sizes)
        if let node = try extra["unembedding"].ifPresent { configuration.unembedding = try kind(node) }
        if let node = try extra["final_norm"].ifPresent { configuration.finalNorm = try kind(node) }
        configuration.documentMask = try extra["document_mask"].bool()
        configuration.tokenizerName = try extra["tokenizer"]["name"].string()
        configuration.tokenizerDigest = try extra["tokenizer"]["digest"].string()
        configuration.beginningOfText = try HuggingFaceConfiguration.tokens(llama["bos_token_id"]).first
        configuration.take(try FolderTokens(folder, config: llama, vocabulary: configuration.vocabulary))
        // Folders of 0.1 do not say what is put before a text.
        let begin = try extra["beginning_of_text"]
        if begin.value != nil { configuration.putBeforeTexts(try HuggingFaceConfiguration.tokens(begin).first) }
        configuration.declaredType = try declaredType(llama)
        try configuration.validate(file: folder.relativePath)
        guard hidden == configuration.nextTokenLayers else {
            throw ModelError.disagreement(
                file: llama.file, key: "num_hidden_layers", found: String(hidden),
                expected: String(configuration.nextTokenLayers))
        }
        return (configuration, true, [])
    }

    /// A value of an enumeration by its name.
    private static func kind<Kind: RawRepresentable<String>>(_ node: JSONNode) throws -> Kind {
        let name = try node.string()
        guard let kind = Kind(rawValue: name) else {
            throw ModelError.unsupported(file: node.file, key: node.path, value: name)
        }
        return kind
    }

    /// `torch_dtype`, or `dtype` since transformers 5; nil for float32, for a missing key, and for what is no type of weights.
    private static func declaredType(_ config: JSONNode) throws -> StorageFormat? {
        let node = try config["dtype"].ifPresent ?? config["torch_dtype"].ifPresent
        guard let name = try node?.string(), name != StorageFormat.f32.rawValue else { return nil }
        return StorageFormat(rawValue: name)
    }

    /// The `model_type` of folders that other programs cannot load.
    static let ownType = "foretoken"

    static func llamaConfiguration(_ configuration: ModelConfiguration, format: StorageFormat) -> JSONValue {
        let family = BlockFamily(configuration)
        // Head 1 of these kinds is the last layer of a Llama.
        let isLlama = configuration.headKind.areBlocks && family.computes(configuration)
        let window = configuration.slidingWindow
        func token(_ token: Int32?) -> JSONValue { token.map { .integer(Int($0)) } ?? .null }
        let ends = configuration.endTokens
        let object: JSONValue = [
            "architectures": .array([.string(isLlama ? family.architecture : "ForetokenForCausalLM")]),
            "model_type": .string(isLlama ? family.rawValue : ownType),
            "vocab_size": .integer(configuration.vocabulary),
            "hidden_size": .integer(configuration.width),
            "intermediate_size": .integer(configuration.feedForwardWidth),
            "num_hidden_layers": .integer(configuration.nextTokenLayers),
            "num_attention_heads": .integer(configuration.attentionHeads),
            "num_key_value_heads": .integer(configuration.keyValueHeads),
            "head_dim": .integer(configuration.headDimension),
            "hidden_act": "silu",
            "max_position_embeddings": .integer(configuration.contextLength),
            "rms_norm_eps": .number(configuration.normEpsilon),
            "rope_theta": .number(configuration.ropeBase),
            "rope_scaling": HuggingFaceConfiguration.value(configuration.ropeScaling),
            "attention_bias": .bool(configuration.attentionBias == .all),
            "mlp_bias": .bool(configuration.feedForwardBias),
            "sliding_window": window.map { .integer($0.size) } ?? .null,
            "tie_word_embeddings": .bool(configuration.tieEmbeddings),
            "bos_token_id": token(configuration.tokenRoles.beginning ?? configuration.beginningOfText),
            "eos_token_id": ends.count > 1 ? .array(ends.map { token($0) }) : token(ends.first),
            "pad_token_id": token(configuration.tokenRoles.padding),
            "torch_dtype": .string(format.description),
        ]
        guard let window, family != .mistral else { return object }
        return object.setting([("use_sliding_window", true), ("max_window_layers", .integer(window.firstLayer))])
    }

    static func extraConfiguration(_ configuration: ModelConfiguration) -> JSONValue {
        [
            "format_version": .integer(formatVersion),
            "heads": .integer(configuration.heads),
            "head_kind": .string(configuration.headKind.rawValue),
            "unembedding": .string(configuration.unembedding.rawValue),
            "final_norm": .string(configuration.finalNorm.rawValue),
            "block_type": .string(BlockFamily(configuration).rawValue),
            "layers": .integer(configuration.layers),
            "document_mask": .bool(configuration.documentMask),
            "beginning_of_text": configuration.beginningOfText.map { .integer(Int($0)) } ?? .null,
            "tokenizer": [
                "name": .string(configuration.tokenizerName), "digest": .string(configuration.tokenizerDigest),
            ],
        ]
    }
}

extension JSONValue {
    /// The object with other values of some keys.
    func setting(_ keys: [(String, JSONValue)]) -> JSONValue {
        guard case .object(var object) = self else { return self }
        for (key, value) in keys { object[key] = value }
        return .object(object)
    }
}
