import ForetokenFiles
import ForetokenFormats
import ForetokenText

/// A byte-level BPE tokenizer in a GGUF file's metadata.
struct GGUFTokenizer {
    /// The metadata entries.
    let metadata: [(String, GGUFValue)]
    /// Differences in llama.cpp's behaviour, in sentences.
    let notes: [String]

    /// Token types, by their numbers in llama.cpp.
    private enum Kind: Int32 {
        case normal = 1
        case control = 3
        case userDefined = 4
        case unused = 5
    }

    /// Nil for a SentencePiece tokenizer, also in the form of a `tokenizer.json`: its export is not supported.
    ///
    /// - Throws: `JSONError` for an invalid definition.
    init?(_ tokenizer: any Tokenizer, for model: ModelConfiguration) throws {
        guard tokenizer.definitionName == TokenizerFile.name, !(tokenizer is MetaspaceTokenizer) else { return nil }
        let root = JSONNode(
            try tokenizer.definition.withUnsafeBytes { try JSONValue(parsing: $0, file: "tokenizer.json") },
            file: "tokenizer.json")
        // The model may have embedding rows without a token.
        var words = (0..<model.vocabulary).map { "[PAD\($0)]" }
        var kinds = [Kind](repeating: .unused, count: model.vocabulary)
        let numbers = 0...(model.vocabulary - 1)
        func set(_ id: JSONNode, _ word: String, _ kind: Kind) throws {
            let id = try id.integer(in: numbers)
            (words[id], kinds[id]) = (word, kind)
        }
        let vocabulary = try root["model"]["vocab"]
        for (word, id) in try vocabulary.object() {
            try set(JSONNode(id, file: root.file, path: vocabulary.path), word, .normal)
        }
        for token in try root["added_tokens"].ifPresent?.array() ?? [] {
            let isSpecial = try token["special"].ifPresent?.bool() ?? false
            try set(token["id"], token["content"].string(), isSpecial ? .control : .userDefined)
        }
        let merges = try root["model"]["merges"].array().map { merge in
            if case .array = merge.value { return try merge.array().map { try $0.string() }.joined(separator: " ") }
            return try merge.string()
        }
        let pair = tokenizer as? BytePairTokenizer
        var metadata: [(String, GGUFValue)] = [
            ("tokenizer.ggml.model", .string("gpt2")),
            ("tokenizer.ggml.pre", .string(Self.preTokenizer(pair?.preTokenizer ?? .none))),
            ("tokenizer.ggml.tokens", .strings(words)),
            ("tokenizer.ggml.token_type", .int32s(kinds.map(\.rawValue))),
            ("tokenizer.ggml.merges", .strings(merges)),
            ("tokenizer.ggml.add_bos_token", .bool(model.beginningOfText != nil)),
            ("tokenizer.ggml.add_eos_token", .bool(false)),
        ]
        for (key, token) in [("bos", model.beginningOfText), ("eos", model.endOfText)] {
            if let token { metadata.append(("tokenizer.ggml.\(key)_token_id", .uint32(Int(token)))) }
        }
        self.metadata = metadata
        notes =
            (pair?.isNormalizing ?? false)
            ? ["llama.cpp does not normalize text to Unicode NFC, as this tokenizer does"] : []
    }

    /// llama.cpp's name of a pre-tokenizer. It has none for `none`; gpt-2 gives the same tokens if no merge crosses words, as
    /// for bytes, which have no merges.
    private static func preTokenizer(_ kind: PreTokenizer) -> String {
        switch kind {
        case .none, .gpt2: "gpt-2"
        case .llama3: "llama-bpe"
        case .qwen2: "qwen2"
        case .smollm: "smollm"
        case .o200k: "gpt-4o"
        case .tekken: "tekken"
        case .qwen35: "qwen35"
        case .deepseek3: "deepseek-v3"
        case .deepseekcoder: "deepseek-coder"
        }
    }
}
