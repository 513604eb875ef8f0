import ForetokenFiles

extension BytePairTokenizer {
    /// The maximum vocabulary size of a file, several times the largest in use.
    static let largestVocabulary = TokenizerWords.largestVocabulary

    /// Reads a `tokenizer.json` in Hugging Face's format.
    ///
    /// Settings that affect tokens and are not supported are rejected by name.
    /// - Throws: ``TokenizerError``, `JSONError`, with file and key.
    public init(parsing bytes: [UInt8], file: String) throws {
        let value = try bytes.withUnsafeBytes { try JSONValue(parsing: $0, file: file) }
        try self.init(JSONNode(value, file: file), definition: bytes)
    }

    init(_ root: JSONNode, definition: [UInt8]) throws {
        let model = try Self.model(root)
        let decoder = try root["decoder"]
        guard try decoder["type"].string() == "ByteLevel" else { throw try decoder["type"].unsupported("ByteLevel") }
        var words = try TokenizerWords(model["vocab"], decode: ByteAlphabet.bytes(of:))
        let added = try words.readAdded(root["added_tokens"])
        let byteTokens = ByteAlphabet.characters.map { words.token(of: String($0)) ?? -1 }
        var unknown: UnknownToken?
        if byteTokens.contains(-1) {
            if let fallback = try model["byte_fallback"].ifPresent, try fallback.bool() {
                throw fallback.unsupported("false where the vocabulary lacks some of the 256 bytes")
            }
            unknown = try Self.unknown(model, words)
        }
        let vocabulary = Vocabulary(byteTokens: byteTokens, bytes: words.bytes, words: words.ordinary)
        self.init(
            definition: definition, preTokenizer: try PreTokenizer(root["pre_tokenizer"]),
            isNormalizing: try Self.isNormalizing(root["normalizer"]),
            ignoresMerges: try model["ignore_merges"].ifPresent?.bool() ?? false,
            merges: try words.merges(model["merges"]), unknown: unknown, vocabulary: vocabulary, addedTokens: added,
            framing: try TextFraming(root["post_processor"], vocabularySize: words.bytes.count))
    }

    /// The BPE model of a file, after a look at the settings that no tokenizer here supports.
    static func model(_ root: JSONNode) throws -> JSONNode {
        for key in ["truncation", "padding"] {
            if let node = try root[key].ifPresent { throw node.unsupported("null") }
        }
        let model = try root["model"]
        if let type = try model["type"].ifPresent, try type.string() != "BPE" { throw type.unsupported("BPE") }
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
            if let node = try model[key].ifPresent, try node.string() != "" { throw node.unsupported("null or empty") }
        }
        if let node = try model["dropout"].ifPresent, try node.double() != 0 { throw node.unsupported("null") }
        return model
    }

    /// What stands for characters without a token: `unk_token`, one for each or one for a run of them.
    static func unknown(_ model: JSONNode, _ words: TokenizerWords) throws -> UnknownToken? {
        guard let node = try model["unk_token"].ifPresent else { return nil }
        guard let token = words.token(of: try node.string()) else { throw node.invalid("is not in model.vocab") }
        return UnknownToken(token: token, isFused: try model["fuse_unk"].ifPresent?.bool() ?? false)
    }

    // MARK: Normalization

    private static func isNormalizing(_ node: JSONNode) throws -> Bool {
        guard let node = node.ifPresent else { return false }
        switch try node["type"].string() {
        case "NFC": return true
        case "Sequence": return try node["normalizers"].array().reduce(false) { try isNormalizing($1) || $0 }
        default: throw try node["type"].unsupported("NFC")
        }
    }
}

extension JSONNode {
    func unsupported(_ supported: String) -> TokenizerError {
        let text = value.map { (try? $0.text()) ?? $0.kind } ?? "nothing"
        return .unsupported(file: file, key: path, value: text, supported: supported)
    }

    func invalid(_ reason: String) -> TokenizerError {
        .invalid(file: file, key: path, reason: reason)
    }
}
