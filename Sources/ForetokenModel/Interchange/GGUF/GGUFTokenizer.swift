import ForetokenFiles
import ForetokenFormats
import ForetokenText

/// A byte-level BPE tokenizer in a GGUF file's metadata.
struct GGUFTokenizer {
    /// The metadata entries.
    let metadata: [(String, GGUFValue)]
    /// Differences in llama.cpp's behaviour, in sentences.
    let notes: [String]

    /// The key of the whole `tokenizer.json` (ggml/docs/gguf.md), from which the file's tokenizer is read back as it was.
    static let wholeKey = "tokenizer.huggingface.json"

    /// Nil for a SentencePiece tokenizer, also in the form of a `tokenizer.json`: its export is not supported.
    ///
    /// - Throws: `JSONError` for an invalid definition.
    init?(_ tokenizer: any Tokenizer, for model: ModelConfiguration) throws {
        guard tokenizer.definitionName == TokenizerFile.name, !(tokenizer is MetaspaceTokenizer) else { return nil }
        let (words, kinds) = try Self.tokens(tokenizer.definition, rows: model.vocabulary)
        let pair = tokenizer as? BytePairTokenizer
        var metadata: [(String, GGUFValue)] = [
            ("tokenizer.ggml.model", .string("gpt2")),
            ("tokenizer.ggml.pre", .string(Self.preTokenizer(pair?.preTokenizer ?? .none))),
            ("tokenizer.ggml.tokens", .strings(words)),
            ("tokenizer.ggml.token_type", .int32s(kinds.map { Int32($0.rawValue) })),
            ("tokenizer.ggml.merges", .strings(try Self.merges(tokenizer.definition))),
            (Self.wholeKey, .string(String(decoding: tokenizer.definition, as: UTF8.self))),
            ("tokenizer.ggml.add_bos_token", .bool(model.beginningOfText != nil)),
            ("tokenizer.ggml.add_eos_token", .bool(false)),
        ]
        let special = model.tokenRoles
        // llama.cpp has a key each for two more ends of text; further ones it knows by their names.
        for (key, token) in [
            ("bos", model.beginningOfText ?? special.beginning), ("eos", model.endOfText),
            ("eot", special.ends.first), ("eom", special.ends.dropFirst().first), ("padding", special.padding),
        ] {
            if let token { metadata.append(("tokenizer.ggml.\(key)_token_id", .uint32(Int(token)))) }
        }
        self.metadata = metadata
        var notes: [String] = []
        if pair?.isNormalizing ?? false {
            notes.append("llama.cpp does not normalize text to Unicode NFC, as this tokenizer does")
        }
        if special.ends.count > 2 {
            let rest = special.ends.dropFirst(2).map(String.init).joined(separator: ", ")
            notes.append("the file has no key for further tokens that end a text: \(rest)")
        }
        self.notes = notes
    }

    private static func root(_ definition: [UInt8]) throws -> JSONNode {
        JSONNode(
            try definition.withUnsafeBytes { try JSONValue(parsing: $0, file: "tokenizer.json") },
            file: "tokenizer.json")
    }

    /// The text and type of every row's token.
    static func tokens(_ definition: [UInt8], rows: Int) throws -> (words: [String], kinds: [GGUFWords.Kind]) {
        let root = try root(definition)
        // The model may have embedding rows without a token.
        var words = (0..<rows).map { "[PAD\($0)]" }
        var kinds = [GGUFWords.Kind](repeating: .unused, count: rows)
        func set(_ id: JSONNode, _ word: String, _ kind: GGUFWords.Kind) throws {
            let id = try id.integer(in: 0...(rows - 1))
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
        return (words, kinds)
    }

    private static func merges(_ definition: [UInt8]) throws -> [String] {
        try root(definition)["model"]["merges"].array().map { merge in
            if case .array = merge.value { return try merge.array().map { try $0.string() }.joined(separator: " ") }
            return try merge.string()
        }
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
