/// A token that is matched literally before pre-tokenization.
struct AddedToken: Sendable, Equatable {
    let id: Int32
    let content: [UInt8]
    /// A special token is not produced from ordinary text and decodes to no bytes.
    let isSpecial: Bool
    /// Whether the token is matched in the normalised text.
    let isNormalized: Bool
}

/// Finds added tokens in a text with a byte trie; prefers the longest match.
struct AddedTokenMatcher: Sendable {
    private var edges: [UInt64: Int] = [:]
    /// The token that ends at each node.
    private var tokens: [AddedToken?] = [nil]
    /// Whether some token starts with a byte.
    private var canBegin = [Bool](repeating: false, count: 256)

    var isEmpty: Bool { tokens.count == 1 }

    mutating func insert(_ token: AddedToken, content: [UInt8]) {
        guard let first = content.first else { return }
        canBegin[Int(first)] = true
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

    /// Splits a text at added tokens: calls `body` with the text before each token and the token, and finally with the remaining
    /// text and nil.
    ///
    /// With `allowingSpecial` false, special tokens are treated as text, as with `encode_special_tokens` in Hugging Face's library.
    func split(
        _ text: UnsafeBufferPointer<UInt8>, allowingSpecial: Bool,
        _ body: (UnsafeBufferPointer<UInt8>, AddedToken?) -> Void
    ) {
        var (position, start) = (0, 0)
        while !isEmpty, position < text.count {
            guard canBegin[Int(text[position])], let (token, end) = longest(text, position) else {
                position += 1
                continue
            }
            if !token.isSpecial || allowingSpecial {
                body(UnsafeBufferPointer(rebasing: text[start..<position]), token)
                start = end
            }
            position = end
        }
        body(UnsafeBufferPointer(rebasing: text[start...]), nil)
    }

    private func longest(_ text: UnsafeBufferPointer<UInt8>, _ start: Int) -> (AddedToken, Int)? {
        var (node, end) = (0, start)
        var found: (AddedToken, Int)?
        while end < text.count, let next = edges[UInt64(node) << 8 | UInt64(text[end])] {
            (node, end) = (next, end + 1)
            if let token = tokens[node] { found = (token, end) }
        }
        return found
    }
}
