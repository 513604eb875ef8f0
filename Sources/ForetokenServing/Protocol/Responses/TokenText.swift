package import ForetokenText

/// The texts of single tokens, which may be parts of characters.
package struct TokenText: Sendable {
    private let tokenizer: any Tokenizer

    package init(_ tokenizer: any Tokenizer) { self.tokenizer = tokenizer }

    /// The bytes of a token; special tokens are spelled out.
    package func bytes(_ token: Int32) -> [UInt8] { tokenizer.specialTokenName(token) ?? tokenizer.bytes(of: token) }

    /// The bytes that a token adds to a text; nil for special tokens.
    func ownBytes(_ token: Int32) -> [UInt8]? {
        tokenizer.specialTokenName(token) == nil ? tokenizer.bytes(of: token) : nil
    }

    /// The text of a token; of bytes that are no characters as OpenAI writes it: `bytes:\xe2\x82`.
    package func name(_ token: Int32) -> String {
        let bytes = bytes(token)
        return String(validating: bytes, as: UTF8.self) ?? Self.escaped(bytes)
    }

    /// The text of tokens; special tokens are spelled out.
    package func text(_ tokens: some Sequence<Int32>) -> String {
        String(decoding: tokens.flatMap(bytes), as: UTF8.self)
    }

    /// The spelling of a special token.
    package func spelling(_ token: Int32?) -> String? {
        token.map { String(decoding: bytes($0), as: UTF8.self) }.flatMap { $0.isEmpty ? nil : $0 }
    }

    private static func escaped(_ bytes: [UInt8]) -> String {
        bytes.reduce(into: "bytes:") { text, byte in
            text += byte < 16 ? "\\x0" : "\\x"
            text += String(byte, radix: 16)
        }
    }
}

/// Counts the characters (Unicode scalars, as Python does) of a text before each of its tokens.
struct TextOffsets {
    private let text: [UInt8]
    private var position = 0
    private var leading = 0

    init(_ text: String) { self.text = Array(text.utf8) }

    /// The offset of the character with which the next token begins, or in which it lies.
    ///
    /// Tokens of which the text shows nothing, such as one that begins a text, have no extent.
    mutating func next(_ token: Int32, _ texts: TokenText) -> Int {
        let isInside = position < text.count && text[position] & 0xC0 == 0x80
        let offset = leading - (isInside ? 1 : 0)
        var bytes = texts.bytes(token)[...]
        // Tokenizers that mark words put a space before a text.
        if position == 0, !text.starts(with: bytes), bytes.first == UInt8(ascii: " ") { bytes.removeFirst() }
        let isShown = text[position...].starts(with: bytes) || texts.ownBytes(token) != nil
        let end = isShown ? min(text.count, position + bytes.count) : position
        for byte in text[position..<end] where byte & 0xC0 != 0x80 { leading += 1 }
        position = end
        return offset
    }
}
