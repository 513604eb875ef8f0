import ForetokenFiles

/// Encodes text as tokens and decodes tokens to text.
public protocol Tokenizer: Sendable {
    /// The tokenizer's name.
    var name: String { get }
    /// V: the number of tokens, including special tokens.
    var vocabularySize: Int { get }
    /// The token before every document: the first of ``framing``.
    var beginningOfText: Int32? { get }
    /// The token after every document.
    var endOfText: Int32? { get }
    /// A SHA-256 in hex that identifies the tokenizer; stored in shards and model folders to detect mismatches.
    var digest: String { get }
    /// The contents of the tokenizer's file, stored with shards and models: a `tokenizer.json` in Hugging Face's format, or a
    /// SentencePiece model.
    var definition: [UInt8] { get }
    /// The name of the tokenizer's file.
    var definitionName: String { get }
    /// The tokens that are matched literally, such as `<|im_start|>`; among them all special tokens.
    var addedTokens: AddedTokens { get }
    /// What the tokenizer's file adds before and after a text; no encoding includes it.
    var framing: TextFraming { get }
    /// Encodes a text given as bytes; the spellings of special tokens are ordinary text.
    func encode(_ bytes: [UInt8]) -> [Int32]
    /// Encodes a text given as bytes, with the special tokens that are spelled in it.
    ///
    /// Words go on across the border of content: the tokens are those of the whole text.
    func encode(_ bytes: [UInt8], specialTokens: SpecialTokens) -> [Int32]
    /// Throws if `encode` would leave bytes of the text out, because the vocabulary has no token for them.
    ///
    /// - Throws: ``TokenizerError/unencodable(tokenizer:byte:text:)``.
    func checkEncodable(_ bytes: [UInt8]) throws(TokenizerError)
    /// The bytes of a token; empty for special tokens and numbers outside the vocabulary.
    func bytes(of token: Int32) -> [UInt8]
}

extension Tokenizer {
    /// `tokenizer.json`.
    public var definitionName: String { TokenizerFile.name }

    /// None.
    public var addedTokens: AddedTokens { AddedTokens() }

    /// ``beginningOfText`` before a text.
    public var framing: TextFraming { TextFraming(before: [beginningOfText].compactMap(\.self)) }

    /// The ordinary encoding, for tokenizers without special tokens that have a spelling.
    public func encode(_ bytes: [UInt8], specialTokens: SpecialTokens) -> [Int32] { encode(bytes) }

    /// Encodes a text, with the special tokens that are spelled in it.
    public func encode(_ text: String, specialTokens: SpecialTokens) -> [Int32] {
        encode(Array(text.utf8), specialTokens: specialTokens)
    }

    /// The token of an added token's spelling, special or not: `<|im_end|>`.
    public func token(named name: String) -> Int32? { addedTokens.token(named: Array(name.utf8))?.id }

    /// The spelling of a special token; nil for other tokens.
    public func specialTokenName(_ token: Int32) -> [UInt8]? {
        addedTokens.token(token).flatMap { $0.isSpecial ? $0.content : nil }
    }

    /// Every text can be encoded.
    public func checkEncodable(_ bytes: [UInt8]) throws(TokenizerError) {}

    /// Encodes a text, without special tokens.
    public func encode(_ text: String) -> [Int32] { encode(Array(text.utf8)) }

    /// The bytes of a sequence of tokens.
    public func decode(_ tokens: some Sequence<Int32>) -> [UInt8] { tokens.flatMap(bytes(of:)) }
}

/// A tokenizer with one token per byte and two special tokens: 256 for beginning of text, 257 for end of text.
public struct ByteTokenizer: Tokenizer {
    /// Creates the tokenizer.
    public init() {}
    /// `bytes`.
    public var name: String { "bytes" }
    /// 258.
    public var vocabularySize: Int { 258 }
    /// 256.
    public var beginningOfText: Int32? { 256 }
    /// 257.
    public var endOfText: Int32? { 257 }
    /// SHA-256 of the string "bytes: 256 values, 256 begins, 257 ends".
    public var digest: String { Self.definitionDigest }
    /// A byte-level vocabulary without merges, token b for byte b.
    public var definition: [UInt8] { Self.file }
    private static let file = TokenizerDefinition(
        words: (UInt8.min...UInt8.max).map { [$0] }, merges: [], preTokenizer: .none
    ).text

    private static let definitionDigest = SHA256.hex(of: Array("bytes: 256 values, 256 begins, 257 ends".utf8))

    /// `<|begin_of_text|>` and `<|end_of_text|>`.
    public var addedTokens: AddedTokens { Self.special }
    private static let special = AddedTokens([
        AddedToken(id: 256, content: Array("<|begin_of_text|>".utf8), isSpecial: true),
        AddedToken(id: 257, content: Array("<|end_of_text|>".utf8), isSpecial: true),
    ])
    private static let matcher = {
        var matcher = AddedTokenMatcher()
        for token in special { matcher.insert(token, content: token.content) }
        return matcher
    }()

    /// The bytes themselves.
    public func encode(_ bytes: [UInt8]) -> [Int32] { bytes.map(Int32.init) }

    /// The bytes themselves, and the two special tokens.
    public func encode(_ bytes: [UInt8], specialTokens: SpecialTokens) -> [Int32] {
        bytes.withUnsafeBufferPointer { text in
            var result: [Int32] = []
            Self.matcher.split(text, ContentMask(specialTokens, count: text.count)) { range, token in
                result += text[range].map(Int32.init)
                if let token { result.append(token.id) }
            }
            return result
        }
    }

    /// The byte of a token below 256.
    public func bytes(of token: Int32) -> [UInt8] { (0..<256).contains(token) ? [UInt8(token)] : [] }
}
