import ForetokenFiles

/// Text as tokens and back.
public protocol Tokenizer: Sendable {
    /// The tokenizer's name.
    var name: String { get }
    /// V: all tokens, the special ones included.
    var vocabularySize: Int { get }
    /// The token before every document.
    var beginningOfText: Int32? { get }
    /// The token after every document.
    var endOfText: Int32? { get }
    /// SHA-256 of the definition, in hex; kept in shards and model folders so that a mismatch is refused.
    var digest: String { get }
    /// The tokenizer as a file that lies beside everything made with it: a `tokenizer.json` of Hugging Face's format, or
    /// SentencePiece's own.
    var definition: [UInt8] { get }
    /// The name of the file that ``definition`` is.
    var definitionName: String { get }
    /// The tokens of a text's bytes, without special ones.
    func encode(_ bytes: [UInt8]) -> [Int32]
    /// The bytes of a token; none for special tokens and numbers outside the vocabulary.
    func bytes(of token: Int32) -> [UInt8]
}

extension Tokenizer {
    /// `tokenizer.json`.
    public var definitionName: String { TokenizerFile.name }

    /// The tokens of a text.
    public func encode(_ text: String) -> [Int32] { encode(Array(text.utf8)) }

    /// The bytes of a sequence of tokens.
    public func decode(_ tokens: some Sequence<Int32>) -> [UInt8] { tokens.flatMap(bytes(of:)) }
}

/// One token a byte, and two special ones: 256 begins a text, 257 ends it.
public struct ByteTokenizer: Tokenizer {
    /// The tokenizer.
    public init() {}
    /// `bytes`.
    public var name: String { "bytes" }
    /// 258.
    public var vocabularySize: Int { 258 }
    /// 256.
    public var beginningOfText: Int32? { 256 }
    /// 257.
    public var endOfText: Int32? { 257 }
    /// SHA-256 of the words "bytes: 256 values, 256 begins, 257 ends".
    public var digest: String { Self.definitionDigest }
    /// A byte-level vocabulary without merges, token b for byte b.
    public var definition: [UInt8] { Self.file }
    private static let file = TokenizerDefinition(
        words: (UInt8.min...UInt8.max).map { [$0] }, merges: [], preTokenizer: .none
    ).text

    private static let definitionDigest = SHA256.hex(of: Array("bytes: 256 values, 256 begins, 257 ends".utf8))

    /// The bytes themselves.
    public func encode(_ bytes: [UInt8]) -> [Int32] { bytes.map(Int32.init) }

    /// The byte of a token below 256.
    public func bytes(of token: Int32) -> [UInt8] { (0..<256).contains(token) ? [UInt8(token)] : [] }
}
