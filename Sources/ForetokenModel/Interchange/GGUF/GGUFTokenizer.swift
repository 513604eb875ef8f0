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

    /// Nil for a tokenizer whose export is not supported: one of SentencePiece, or by rules that llama.cpp does not have.
    ///
    /// - Throws: `JSONError` for an invalid definition.
    init?(_ tokenizer: any Tokenizer, for model: ModelConfiguration) throws {
        guard tokenizer.definitionName == TokenizerFile.name else { return nil }
        let (words, kinds) = try Self.tokens(tokenizer.definition, rows: model.vocabulary)
        var notes: [String] = []
        let rules: [(String, GGUFValue)]
        var types = kinds
        if tokenizer is MetaspaceTokenizer {
            let root = try Self.root(tokenizer.definition)
            guard let pieces = try Self.pieces(root, words, &types) else { return nil }
            (rules, notes) = (pieces.metadata, pieces.notes)
        } else {
            let pair = tokenizer as? BytePairTokenizer
            guard
                let (name, isExact) = GGUFPreTokenizer.name(
                    of: pair?.preTokenizer ?? .none, ignoresMerges: pair?.ignoresMerges ?? false)
            else { return nil }
            if !isExact {
                notes.append("llama.cpp takes words of the vocabulary otherwise than by this tokenizer's merges")
            }
            rules = [
                ("tokenizer.ggml.model", .string("gpt2")), ("tokenizer.ggml.pre", .string(name)),
                ("tokenizer.ggml.merges", .strings(try Self.merges(tokenizer.definition))),
            ]
            if pair?.isNormalizing ?? false {
                notes.append("llama.cpp does not normalize text to Unicode NFC, as this tokenizer does")
            }
        }
        let ends = model.tokenRoles.ends
        if ends.count > 2 {
            let rest = ends.dropFirst(2).map(String.init).joined(separator: ", ")
            notes.append("the file has no key for further tokens that end a text: \(rest)")
        }
        metadata =
            rules + [
                ("tokenizer.ggml.tokens", .strings(words)),
                ("tokenizer.ggml.token_type", .int32s(types.map { Int32($0.rawValue) })),
                (Self.wholeKey, .string(String(decoding: tokenizer.definition, as: UTF8.self))),
                ("tokenizer.ggml.add_bos_token", .bool(model.beginningOfText != nil)),
                ("tokenizer.ggml.add_eos_token", .bool(false)),
            ]
        self.notes = notes
    }

    /// The tokens with a role, also of a file without a vocabulary.
    static func roles(_ model: ModelConfiguration) -> [(String, GGUFValue)] {
        let roles = model.tokenRoles
        // llama.cpp has a key each for two more ends of text; further ones it knows by their names.
        let tokens = [
            ("bos", model.beginningOfText ?? roles.beginning), ("eos", model.endOfText), ("eot", roles.ends.first),
            ("eom", roles.ends.dropFirst().first), ("padding", roles.padding),
        ]
        return tokens.compactMap { key, token in
            token.map { ("tokenizer.ggml.\(key)_token_id", .uint32(Int($0))) }
        }
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
}
