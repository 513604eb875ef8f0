/// A token that is matched literally before a text is split into words.
public struct AddedToken: Sendable, Equatable {
    /// The token.
    public let id: Int32
    /// Its spelling.
    public let content: [UInt8]
    /// A special (control) token is not produced from ordinary text and decodes to no bytes.
    public let isSpecial: Bool
    /// Whether the token is matched in the normalised text.
    public let isNormalized: Bool
    /// Whether the white space before the token belongs to it (`lstrip`).
    public let takesSpaceBefore: Bool
    /// Whether the white space after the token belongs to it (`rstrip`).
    public let takesSpaceAfter: Bool
    /// Whether the token is matched only where no letter or digit is beside it (`single_word`).
    public let isSingleWord: Bool

    /// Creates an added token.
    public init(
        id: Int32, content: [UInt8], isSpecial: Bool, isNormalized: Bool = false, takesSpaceBefore: Bool = false,
        takesSpaceAfter: Bool = false, isSingleWord: Bool = false
    ) {
        (self.id, self.content, self.isSpecial, self.isNormalized) = (id, content, isSpecial, isNormalized)
        (self.takesSpaceBefore, self.takesSpaceAfter) = (takesSpaceBefore, takesSpaceAfter)
        self.isSingleWord = isSingleWord
    }
}

/// The added tokens of a tokenizer, by token and by spelling.
public struct AddedTokens: Sendable, RandomAccessCollection {
    private let tokens: [AddedToken]
    private var byID: [Int32: Int] = [:]
    private var byContent: [[UInt8]: Int] = [:]

    /// Creates the collection; of two tokens with the same number or spelling, the first is found.
    public init(_ tokens: [AddedToken] = []) {
        self.tokens = tokens
        for (index, token) in tokens.enumerated() {
            if byID[token.id] == nil { byID[token.id] = index }
            if byContent[token.content] == nil { byContent[token.content] = index }
        }
    }

    /// 0.
    public var startIndex: Int { 0 }
    /// The number of added tokens.
    public var endIndex: Int { tokens.count }
    /// The added token at a position in the order of the file.
    public subscript(index: Int) -> AddedToken { tokens[index] }

    /// The added token with a number.
    public func token(_ id: Int32) -> AddedToken? { byID[id].map { tokens[$0] } }

    /// The added token with a spelling.
    public func token(named content: [UInt8]) -> AddedToken? { byContent[content].map { tokens[$0] } }
}

/// Finds added tokens in a text with a byte trie; prefers the longest match.
struct AddedTokenMatcher: Sendable {
    private var edges: [UInt64: Int] = [:]
    /// The token that ends at each node.
    private var tokens: [AddedToken?] = [nil]
    /// Whether some token starts with a byte.
    private var canBegin = [Bool](repeating: false, count: 256)
    /// Whether a token is special.
    private(set) var hasSpecial = false

    var isEmpty: Bool { tokens.count == 1 }

    mutating func insert(_ token: AddedToken, content: [UInt8]) {
        guard let first = content.first else { return }
        canBegin[Int(first)] = true
        if token.isSpecial { hasSpecial = true }
        var node = 0
        for byte in content {
            let edge = UInt64(node) << 8 | UInt64(byte)
            if let next = edges[edge] {
                node = next
            } else {
                tokens.append(nil)
                node = tokens.count - 1
                edges[edge] = node
            }
        }
        tokens[node] = token
    }

    /// Splits a text at added tokens: calls `body` with the range before each token and the token, and finally with the remaining
    /// range and nil.
    func split(
        _ text: UnsafeBufferPointer<UInt8>, _ mask: ContentMask, _ body: (Range<Int>, AddedToken?) -> Void
    ) {
        var (position, start) = (0, 0)
        while !isEmpty, position < text.count {
            guard canBegin[Int(text[position])] else {
                position += 1
                continue
            }
            switch match(text, position, mask) {
            case .none: position += 1
            case .text(let end): position = end
            case .token(let token, let end):
                if token.isSingleWord, Self.isBesideWord(text, position, end) {
                    position = end
                    continue
                }
                let before = token.takesSpaceBefore ? Self.startOfSpace(text, from: start, to: position) : position
                body(start..<max(start, before), token)
                // White space that one token took may still begin the next, as in Hugging Face's library.
                (start, position) = (token.takesSpaceAfter ? Self.endOfSpace(text, from: end) : end, end)
            }
        }
        body(min(start, text.count)..<text.count, nil)
    }

    /// The character that ends at an offset.
    private static func character(_ text: UnsafeBufferPointer<UInt8>, endingAt end: Int) -> Unicode.Scalar? {
        guard end > 0 else { return nil }
        var begin = end - 1
        while begin > 0, end - begin < 4, text[begin] & 0xC0 == 0x80 { begin -= 1 }
        let step = CharacterStep(text, at: begin)
        return begin + step.length == end ? step.scalar : nil
    }

    private static func startOfSpace(_ text: UnsafeBufferPointer<UInt8>, from start: Int, to end: Int) -> Int {
        var result = end
        while result > start, let scalar = character(text, endingAt: result), scalar.properties.isWhitespace {
            result -= UTF8.width(scalar)
        }
        return max(start, result)
    }

    private static func endOfSpace(_ text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        var result = start
        while result < text.count {
            let step = CharacterStep(text, at: result)
            guard let scalar = step.scalar, scalar.properties.isWhitespace else { break }
            result += step.length
        }
        return result
    }

    private static func isBesideWord(_ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> Bool {
        if let before = character(text, endingAt: start), isWord(before) { return true }
        return end < text.count && CharacterStep(text, at: end).scalar.map(isWord) ?? false
    }

    /// `\w` of Rust's regular expressions.
    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        let properties = scalar.properties
        guard let age = properties.age, age <= CharacterClass.unicodeVersion else { return false }
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: return true
        default: return properties.isAlphabetic || properties.isJoinControl
        }
    }

    private enum Match {
        case none
        /// A special token where its name is text. What overlaps it is not looked at, as with `encode_special_tokens` in Hugging
        /// Face's library.
        case text(end: Int)
        case token(AddedToken, end: Int)
    }

    private func match(_ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ mask: ContentMask) -> Match {
        var (node, end) = (0, start)
        var (longest, allowed) = (Match.none, Match.none)
        while end < text.count, let next = edges[UInt64(node) << 8 | UInt64(text[end])] {
            (node, end) = (next, end + 1)
            guard let token = tokens[node] else { continue }
            if token.isSpecial, mask.isAllContent(start..<end) {
                longest = .text(end: end)
            } else if token.isSpecial, mask.hasContent(start..<end) {
                // Partly content, partly framing: content must neither form a special token nor hide one that follows it.
                longest = .none
            } else {
                longest = .token(token, end: end)
                allowed = longest
            }
        }
        if case .text = longest { return longest }
        return allowed
    }
}
