import ForetokenFiles

extension BytePairTokenizer {
    /// The maximum vocabulary size of a file, several times the largest in use.
    static let largestVocabulary = 4_000_000
    private static let longestAddedToken = 1024

    /// Reads a `tokenizer.json` in Hugging Face's format.
    ///
    /// Settings that affect tokens and are not supported are rejected by name. The post-processor is ignored: it only adds special
    /// tokens, which is done by the data loader here.
    /// - Throws: ``TokenizerError``, `JSONError`, with file and key.
    public init(parsing bytes: [UInt8], file: String) throws {
        let value = try bytes.withUnsafeBytes { try JSONValue(parsing: $0, file: file) }
        try self.init(JSONNode(value, file: file), definition: bytes)
    }

    private init(_ root: JSONNode, definition: [UInt8]) throws {
        for key in ["truncation", "padding"] {
            if let node = try root[key].ifPresent { throw node.unsupported("null") }
        }
        let decoder = try root["decoder"]
        guard try decoder["type"].string() == "ByteLevel" else { throw try decoder["type"].unsupported("ByteLevel") }
        let model = try root["model"]
        if let type = try model["type"].ifPresent, try type.string() != "BPE" { throw type.unsupported("BPE") }
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
            if let node = try model[key].ifPresent, try node.string() != "" { throw node.unsupported("null or empty") }
        }
        if let node = try model["dropout"].ifPresent, try node.double() != 0 { throw node.unsupported("null") }

        var words = try Self.words(model["vocab"])
        let added = try Self.addedTokens(root["added_tokens"], among: &words)
        let (merges, byteTokens) = try Self.merges(model["merges"], words)
        let unknown = try Self.unknown(model, words, isComplete: !byteTokens.contains(-1))
        let vocabulary = Vocabulary(byteTokens: byteTokens, bytes: words.bytes, words: words.ordinary)
        self.init(
            definition: definition, preTokenizer: try Self.preTokenizer(root["pre_tokenizer"]),
            isNormalizing: try Self.isNormalizing(root["normalizer"]),
            ignoresMerges: try model["ignore_merges"].ifPresent?.bool() ?? false, merges: merges,
            unknown: unknown, vocabulary: vocabulary, addedTokens: added)
    }

    // MARK: Vocabulary

    /// The vocabulary of the file.
    private struct Words {
        var numbers: [String: Int32] = [:]
        var isTaken: [Bool] = []
        /// The bytes of each token.
        var bytes: [[UInt8]] = []
        /// The tokens that ordinary text can produce.
        var ordinary: [Int32] = []

        mutating func take(_ number: Int, _ bytes: [UInt8], at node: JSONNode) throws {
            if number >= isTaken.count {
                isTaken += [Bool](repeating: false, count: number + 1 - isTaken.count)
                self.bytes += [[UInt8]](repeating: [], count: number + 1 - self.bytes.count)
            }
            guard !isTaken[number] else { throw node.invalid("duplicate token \(number)") }
            isTaken[number] = true
            self.bytes[number] = bytes
        }
    }

    private static func words(_ node: JSONNode) throws -> Words {
        var words = Words()
        let object = try node.object()
        words.numbers.reserveCapacity(object.count)
        for (text, value) in object {
            let entry = JSONNode(value, file: node.file, path: "\(node.path).\(text)")
            let number = try entry.integer(in: 0...(largestVocabulary - 1))
            let bytes = ByteAlphabet.bytes(of: text)
            // A token with other characters decodes to its own UTF-8 and is never produced from text.
            try words.take(number, bytes ?? Array(text.utf8), at: entry)
            words.numbers[text] = Int32(number)
            if bytes != nil { words.ordinary.append(Int32(number)) }
        }
        return words
    }

    private static func addedTokens(_ node: JSONNode, among words: inout Words) throws -> [AddedToken] {
        guard let node = node.ifPresent else { return [] }
        var contents: Set<[UInt8]> = []
        return try node.array().map { entry in
            let content = try entry["content"]
            let text = try content.string()
            let number = try entry["id"].integer(in: 0...(largestVocabulary - 1))
            for key in ["single_word", "lstrip", "rstrip"] {
                let flag = try entry[key]
                if try flag.ifPresent?.bool() == true { throw flag.unsupported("false") }
            }
            // Limits the time of matching added tokens, which is proportional to their length at every position.
            guard text.utf8.count <= longestAddedToken else {
                throw content.invalid("an added token of more than \(longestAddedToken) bytes")
            }
            let isSpecial = try entry["special"].ifPresent?.bool() ?? false
            guard !text.isEmpty, contents.insert(Array(text.utf8)).inserted else {
                throw content.invalid(text.isEmpty ? "an empty added token" : "a duplicate added token")
            }
            if let known = words.numbers[text] {
                guard known == number else {
                    throw try entry["id"].invalid("\(number) here, but \(known) in model.vocab")
                }
                words.bytes[number] = []
            } else {
                try words.take(number, [], at: entry["id"])
            }
            if !isSpecial { words.bytes[number] = Array(text.utf8) }
            return AddedToken(
                id: Int32(number), content: Array(text.utf8), isSpecial: isSpecial,
                isNormalized: try entry["normalized"].ifPresent?.bool() ?? !isSpecial)
        }
    }

    private static func merges(_ node: JSONNode, _ words: Words) throws -> (MergeTable, byteTokens: [Int32]) {
        let byteTokens = ByteAlphabet.characters.map { words.numbers[String($0)] ?? -1 }
        guard case .array(let elements) = node.value else { throw node.wrongType("an array") }
        // Ranks have 24 bits in the merge queue.
        guard elements.count <= largestVocabulary else { throw node.invalid("too many merges (\(elements.count))") }
        var table = MergeTable(capacity: elements.count)
        for (rank, element) in elements.enumerated() {
            // Only called for an error, since building the path is slow.
            func location() -> JSONNode { JSONNode(element, file: node.file, path: "\(node.path)[\(rank)]") }
            guard let (left, right) = pair(element) else {
                throw location().wrongType("two tokens, as 'a b' or [\"a\", \"b\"]")
            }
            func token(_ text: String) throws -> Int32 {
                guard let token = words.numbers[text] else {
                    throw location().invalid("'\(text.shortenedForMessage(limit: 40))' is not in model.vocab")
                }
                return token
            }
            let merged = try token(left + right)
            let isNew = table.insert(try token(left), try token(right), rank: UInt32(rank), token: merged)
            guard isNew else { throw location().invalid("a duplicate merge") }
        }
        return (table, byteTokens)
    }

    /// What stands for bytes without a token: `unk_token`, one for each or one for a run of them.
    private static func unknown(_ model: JSONNode, _ words: Words, isComplete: Bool) throws -> UnknownToken? {
        if isComplete { return nil }
        if let fallback = try model["byte_fallback"].ifPresent, try fallback.bool() {
            throw fallback.unsupported("false where the vocabulary lacks some of the 256 bytes")
        }
        guard let node = try model["unk_token"].ifPresent else { return nil }
        guard let token = words.numbers[try node.string()] else { throw node.invalid("is not in model.vocab") }
        return UnknownToken(token: token, isFused: try model["fuse_unk"].ifPresent?.bool() ?? false)
    }

    /// The two tokens of a merge, in either notation.
    private static func pair(_ element: JSONValue) -> (String, String)? {
        switch element {
        case .string(let text):
            guard let blank = text.utf8.firstIndex(of: UInt8(ascii: " ")) else { return nil }
            return (String(text[..<blank]), String(text[text.utf8.index(after: blank)...]))
        case .array(let pair):
            guard pair.count == 2, case .string(let left) = pair[0], case .string(let right) = pair[1] else {
                return nil
            }
            return (left, right)
        default: return nil
        }
    }

    // MARK: Normalization and pre-tokenization

    private static func isNormalizing(_ node: JSONNode) throws -> Bool {
        guard let node = node.ifPresent else { return false }
        switch try node["type"].string() {
        case "NFC": return true
        case "Sequence": return try node["normalizers"].array().reduce(false) { try isNormalizing($1) || $0 }
        default: throw try node["type"].unsupported("NFC")
        }
    }

    private static func preTokenizer(_ node: JSONNode) throws -> PreTokenizer {
        guard node.ifPresent != nil else { throw node.unsupported("ByteLevel, or Split and ByteLevel") }
        let steps = try node["type"].string() == "Sequence" ? try node["pretokenizers"].array() : [node]
        guard let last = steps.last, steps.count <= 2 else { throw node.unsupported("Split and ByteLevel") }
        guard try last["type"].string() == "ByteLevel" else { throw try last["type"].unsupported("ByteLevel") }
        let isDigits = try steps.count == 2 && steps[0]["type"].string() == "Digits"
        // `add_prefix_space` and `use_regex` default to true.
        let prefix = try last["add_prefix_space"]
        if try prefix.ifPresent?.bool() ?? true { throw prefix.unsupported("false") }
        let regex = try last["use_regex"]
        let usesRegex = try regex.ifPresent?.bool() ?? true
        guard steps.count == 2 else { return usesRegex ? .gpt2 : .none }
        if isDigits {
            // `individual_digits` defaults to false.
            let single = try steps[0]["individual_digits"]
            guard try single.ifPresent?.bool() == true else { throw single.unsupported("true") }
            guard usesRegex else { throw regex.unsupported("true after Digits") }
            return .smollm
        }
        if usesRegex { throw regex.unsupported("false after a Split") }

        let split = steps[0]
        guard try split["type"].string() == "Split" else { throw try split["type"].unsupported("Split") }
        for (key, allowed) in [("behavior", JSONValue.string("Isolated")), ("invert", .bool(false))] {
            let node = try split[key]
            guard node.value == allowed else { throw node.unsupported(try allowed.text()) }
        }
        let pattern = try split["pattern"]["Regex"]
        let text = try pattern.string()
        guard let known = PreTokenizer.allCases.first(where: { $0.patterns.contains(text) }) else {
            throw pattern.unsupported("the patterns of GPT-2, Llama 3 and Qwen 2")
        }
        return known
    }
}

extension JSONNode {
    fileprivate func unsupported(_ supported: String) -> TokenizerError {
        let text = value.map { (try? $0.text()) ?? $0.kind } ?? "nothing"
        return .unsupported(file: file, key: path, value: text, supported: supported)
    }

    fileprivate func invalid(_ reason: String) -> TokenizerError {
        .invalid(file: file, key: path, reason: reason)
    }
}
