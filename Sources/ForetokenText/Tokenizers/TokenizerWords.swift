import ForetokenFiles

/// The vocabulary and the added tokens of a `tokenizer.json` while it is read.
///
/// Spellings are compared by their bytes: as Swift strings, é and e followed by U+0301 would be equal.
struct TokenizerWords {
    /// The maximum vocabulary size of a file, several times the largest in use.
    static let largestVocabulary = 4_000_000
    private static let longestAddedToken = 1024
    /// The maximum size of all added tokens together in bytes, several times the largest in use.
    private static let largestAddedTokens = 4_000_000

    private var spellings = ByteStringTable()
    /// The token of each spelling in the table.
    private var numbers: [Int32] = []
    private var isTaken: [Bool] = []
    /// The bytes of each token.
    private(set) var bytes: [[UInt8]] = []
    /// The tokens that ordinary text can produce.
    private(set) var ordinary: [Int32] = []

    /// Reads `model.vocab`, whose spellings `decode` turns into bytes; nil if text never produces the token.
    init(_ node: JSONNode, decode: (UnsafeBufferPointer<UInt8>) -> [UInt8]?) throws {
        for (text, value) in try node.object() {
            // Building the path of every entry is slow.
            func entry() -> JSONNode { JSONNode(value, file: node.file, path: "\(node.path).\(text)") }
            guard case .integer(let number) = value, (0..<Self.largestVocabulary).contains(number) else {
                _ = try entry().integer(in: 0...(Self.largestVocabulary - 1))
                continue
            }
            try text.withBytes { spelling in
                let decoded = decode(spelling)
                // Other tokens decode to their own UTF-8.
                guard take(number, decoded ?? Array(spelling)) else {
                    throw entry().invalid("duplicate token \(number)")
                }
                // Keys are distinct.
                _ = spellings.insert(spelling)
                numbers.append(Int32(number))
                if decoded != nil { ordinary.append(Int32(number)) }
            }
        }
    }

    /// The token with a spelling.
    func token(of spelling: UnsafeBufferPointer<UInt8>) -> Int32? { spellings.number(of: spelling).map { numbers[$0] } }

    /// The token with a spelling.
    func token(of spelling: String) -> Int32? { spelling.withBytes { token(of: $0) } }

    /// Calls `body` with each spelling of `model.vocab` and its token.
    func forEachSpelling(_ body: (UnsafeBufferPointer<UInt8>, Int32) -> Void) {
        for (index, number) in numbers.enumerated() {
            spellings[index].withUnsafeBufferPointer { body($0, number) }
        }
    }

    private mutating func take(_ number: Int, _ bytes: [UInt8]) -> Bool {
        if number >= isTaken.count {
            isTaken += [Bool](repeating: false, count: number + 1 - isTaken.count)
            self.bytes += [[UInt8]](repeating: [], count: number + 1 - self.bytes.count)
        }
        guard !isTaken[number] else { return false }
        isTaken[number] = true
        self.bytes[number] = bytes
        return true
    }

    /// Reads `added_tokens`; a special token's bytes become empty.
    mutating func readAdded(_ node: JSONNode) throws -> AddedTokens {
        guard let node = node.ifPresent else { return AddedTokens() }
        var contents: Set<[UInt8]> = []
        var tokens: [AddedToken] = []
        var size = 0
        for entry in try node.array() {
            let content = try entry["content"]
            let text = Array(try content.string().utf8)
            let number = try entry["id"].integer(in: 0...(Self.largestVocabulary - 1))
            // Limits the time of matching added tokens, which is proportional to their length at every position.
            guard text.count <= Self.longestAddedToken else {
                throw content.invalid("an added token of more than \(Self.longestAddedToken) bytes")
            }
            size += text.count
            guard size <= Self.largestAddedTokens else {
                throw node.invalid("added tokens of more than \(Self.largestAddedTokens) bytes")
            }
            let isSpecial = try entry["special"].ifPresent?.bool() ?? false
            guard !text.isEmpty, contents.insert(text).inserted else {
                throw content.invalid(text.isEmpty ? "an empty added token" : "a duplicate added token")
            }
            if let known = text.withUnsafeBufferPointer({ token(of: $0) }) {
                guard known == number else {
                    throw try entry["id"].invalid("\(number) here, but \(known) in model.vocab")
                }
            } else if !take(number, []) {
                throw try entry["id"].invalid("duplicate token \(number)")
            }
            bytes[number] = isSpecial ? [] : text
            tokens.append(
                AddedToken(
                    id: Int32(number), content: text, isSpecial: isSpecial,
                    isNormalized: try entry["normalized"].ifPresent?.bool() ?? !isSpecial,
                    takesSpaceBefore: try entry["lstrip"].ifPresent?.bool() ?? false,
                    takesSpaceAfter: try entry["rstrip"].ifPresent?.bool() ?? false,
                    isSingleWord: try entry["single_word"].ifPresent?.bool() ?? false))
        }
        return AddedTokens(tokens)
    }

    /// Reads `model.merges`.
    func merges(_ node: JSONNode) throws -> MergeTable {
        guard case .array(let elements) = node.value else { throw node.wrongType("an array") }
        // Ranks have 24 bits in the merge queue.
        guard elements.count <= Self.largestVocabulary else {
            throw node.invalid("too many merges (\(elements.count))")
        }
        var table = MergeTable(capacity: elements.count)
        var whole: [UInt8] = []
        for (rank, element) in elements.enumerated() {
            // Only called for an error, since building the path is slow.
            func location() -> JSONNode { JSONNode(element, file: node.file, path: "\(node.path)[\(rank)]") }
            let isPair = try Self.withPair(element) { left, right in
                whole.removeAll(keepingCapacity: true)
                whole += left
                whole += right
                func known(_ spelling: UnsafeBufferPointer<UInt8>) throws -> Int32 {
                    guard let token = token(of: spelling) else {
                        let text = String(decoding: spelling, as: UTF8.self)
                        throw location().invalid("'\(text.shortenedForMessage(limit: 40))' is not in model.vocab")
                    }
                    return token
                }
                let merged = try whole.withUnsafeBufferPointer(known)
                let isNew = table.insert(try known(left), try known(right), rank: UInt32(rank), token: merged)
                guard isNew else { throw location().invalid("a duplicate merge") }
            }
            guard isPair else { throw location().wrongType("two tokens, as 'a b' or [\"a\", \"b\"]") }
        }
        return table
    }

    /// Calls `body` with the two tokens of a merge, in either notation; returns false if they are not two.
    private static func withPair(
        _ element: JSONValue, _ body: (UnsafeBufferPointer<UInt8>, UnsafeBufferPointer<UInt8>) throws -> Void
    ) throws -> Bool {
        switch element {
        case .string(let text):
            return try text.withBytes { text in
                guard let blank = text.firstIndex(of: UInt8(ascii: " ")) else { return false }
                try body(
                    UnsafeBufferPointer(rebasing: text[..<blank]), UnsafeBufferPointer(rebasing: text[(blank + 1)...]))
                return true
            }
        case .array(let pair):
            guard pair.count == 2, case .string(let left) = pair[0], case .string(let right) = pair[1] else {
                return false
            }
            try left.withBytes { left in try right.withBytes { try body(left, $0) } }
            return true
        default: return false
        }
    }
}

extension String {
    /// Calls `body` with the UTF-8 of the string.
    func withBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) throws -> Result) rethrows -> Result {
        if let result = try utf8.withContiguousStorageIfAvailable(body) { return result }
        return try Array(utf8).withUnsafeBufferPointer(body)
    }
}
