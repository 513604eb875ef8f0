/// The vocabulary and the merges of a ``MetaspaceTokenizer``.
struct MetaspacePieces: Sendable {
    /// The bytes of each token.
    let bytes: [[UInt8]]
    let merges: MergeTable
    /// What stands for a character without tokens.
    let unknown: UnknownToken?
    /// Whether no merge joins a `▁` to another character before it, so that words between them can be encoded apart.
    let wordsEndBeforeSpaces: Bool
    /// The tokens of single characters, by their UTF-8.
    private let characters: ByteStringTable
    private let tokens: [Int32]
    /// The token of each byte (`<0x0A>`), -1 where there is none; empty without byte fallback.
    private let byteTokens: [Int32]

    init(_ words: TokenizerWords, merges: MergeTable, unknown: UnknownToken?, hasByteFallback: Bool) {
        self.bytes = words.bytes
        self.merges = merges
        self.unknown = unknown
        byteTokens = hasByteFallback ? (UInt8.min ... .max).map { words.token(of: Self.spelling(of: $0)) ?? -1 } : []
        var wordsEnd = words.token(of: "\u{2581}") != nil
        var (characters, tokens) = (ByteStringTable(), [Int32]())
        words.forEachSpelling { spelling, token in
            if !spelling.isEmpty, CharacterStep(spelling, at: 0).length == spelling.count {
                _ = characters.insert(spelling)
                tokens.append(token)
            }
            if wordsEnd, MetaspaceRule.endOfText(spelling, from: 0) < spelling.count { wordsEnd = false }
        }
        (self.characters, self.tokens, wordsEndBeforeSpaces) = (characters, tokens, wordsEnd)
    }

    /// `<0x0A>`
    static func spelling(of byte: UInt8) -> String {
        "<0x\(byte < 16 ? "0" : "")\(String(byte, radix: 16, uppercase: true))>"
    }

    /// The byte whose token has a spelling.
    static func byte(spelled text: UnsafeBufferPointer<UInt8>) -> UInt8? {
        guard text.count == 6, text[0] == UInt8(ascii: "<"), text[1] == UInt8(ascii: "0"), text[2] == UInt8(ascii: "x"),
            text[5] == UInt8(ascii: ">")
        else { return nil }
        // Not a sign, which `UInt8(_:radix:)` takes.
        guard text[3] != UInt8(ascii: "+") else { return nil }
        return UInt8(String(decoding: text[3..<5], as: UTF8.self), radix: 16)
    }

    /// Encodes a word as Hugging Face's library does. An unknown token waits until the next character with a token, and so comes
    /// after the byte tokens between them.
    func encode(_ word: UnsafeBufferPointer<UInt8>, _ result: inout [Int32]) {
        result.removeAll(keepingCapacity: true)
        var position = 0
        var isUnknown = false
        while position < word.count {
            let length = CharacterStep(word, at: position).length
            let character = UnsafeBufferPointer(rebasing: word[position..<(position + length)])
            position += length
            if let number = characters.number(of: character) {
                if isUnknown, let unknown { result.append(unknown.token) }
                isUnknown = false
                result.append(tokens[number])
            } else if hasByteTokens(character) {
                for byte in character { result.append(byteTokens[Int(byte)]) }
            } else if let unknown {
                if isUnknown, !unknown.isFused { result.append(unknown.token) }
                isUnknown = true
            }
        }
        if isUnknown, let unknown { result.append(unknown.token) }
        merges.merge(&result)
    }

    private func hasByteTokens(_ character: UnsafeBufferPointer<UInt8>) -> Bool {
        !byteTokens.isEmpty && character.allSatisfy { byteTokens[Int($0)] >= 0 }
    }

    /// The first character that has neither a token nor byte tokens.
    func firstWithoutToken(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        var position = 0
        while position < text.count {
            let length = CharacterStep(text, at: position).length
            let character = UnsafeBufferPointer(rebasing: text[position..<(position + length)])
            if characters.number(of: character) == nil, !hasByteTokens(character) { return Array(character) }
            position += length
        }
        return nil
    }
}
