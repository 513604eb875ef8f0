/// How a ``MetaspaceTokenizer`` writes spaces as `▁` and cuts words.
struct MetaspaceRule: Sendable, Equatable {
    /// Where `▁` is put before a text.
    enum Prefix: Sendable, Equatable {
        /// Nowhere.
        case never
        /// Before each piece between added tokens, by the normalizer `Prepend`.
        case everyPiece
        /// Before each piece that does not begin with a space, by the pre-tokenizer `Metaspace`.
        case everyWord
        /// Before the start of the text if it does not begin with a space, by `Metaspace`.
        case firstWord
    }
    var prefix: Prefix
    /// Whether the normalizer replaces spaces, before tokens that are matched in the normalised text.
    var isNormalizing: Bool
    /// Whether the pre-tokenizer replaces spaces.
    var isPreTokenizing: Bool
    /// Whether each `▁` begins a word.
    var splits: Bool
    /// Whether decoding removes the first space of a text.
    var stripsFirst: Bool

    /// `▁`, U+2581.
    private static let space: [UInt8] = [0xE2, 0x96, 0x81]

    /// The normalised text; nil if it equals the input.
    func normalized(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? { normalizedWithEdits(text)?.text }

    /// The normalised text and which ranges of the input became how many other bytes; nil if it equals the input.
    func normalizedWithEdits(
        _ text: UnsafeBufferPointer<UInt8>
    ) -> (text: [UInt8], edits: [(range: Range<Int>, count: Int)])? {
        guard !text.isEmpty, isNormalizing || prefix == .everyPiece else { return nil }
        var (result, edits): ([UInt8], [(range: Range<Int>, count: Int)]) = ([], [])
        result.reserveCapacity(text.count + text.count / 2 + 3)
        if prefix == .everyPiece {
            result += Self.space
            edits.append((0..<0, 3))
        }
        for (index, byte) in text.enumerated() {
            if byte == UInt8(ascii: " "), isNormalizing {
                result += Self.space
                edits.append((index..<(index + 1), 3))
            } else {
                result.append(byte)
            }
        }
        return (result, edits)
    }

    /// A piece after the pre-tokenizer's replacements; nil if it equals the input.
    func preTokenized(_ text: UnsafeBufferPointer<UInt8>, isFirst: Bool) -> [UInt8]? {
        guard isPreTokenizing, !text.isEmpty else { return nil }
        let startsWithSpace = text[0] == UInt8(ascii: " ") || text.starts(with: Self.space)
        let isPrefixed = !startsWithSpace && (prefix == .everyWord || prefix == .firstWord && isFirst)
        var result: [UInt8] = isPrefixed ? Self.space : []
        result.reserveCapacity(text.count + text.count / 2 + 3)
        for byte in text { if byte == UInt8(ascii: " ") { result += Self.space } else { result.append(byte) } }
        return result
    }

    /// The end of the word that starts at an offset: with `canSplit`, words are cut before spaces, where nothing is merged.
    func endOfWord(_ text: UnsafeBufferPointer<UInt8>, from start: Int, canSplit: Bool) -> Int {
        if splits { return Self.nextSpace(text, from: start + 1) }
        return canSplit ? Self.endOfText(text, from: start) : text.count
    }

    /// The offset of the first `▁` that follows another character.
    static func endOfText(_ text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        var position = start
        while isSpace(text, at: position) { position += 3 }
        return nextSpace(text, from: position)
    }

    private static func nextSpace(_ text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        var position = min(start, text.count)
        while position < text.count, !isSpace(text, at: position) { position += 1 }
        return position
    }

    @inline(__always)
    private static func isSpace(_ text: UnsafeBufferPointer<UInt8>, at position: Int) -> Bool {
        position + 2 < text.count && text[position] == 0xE2 && text[position + 1] == 0x96 && text[position + 2] == 0x81
    }
}
