import ForetokenFiles
public import ForetokenPlatform

/// An error of a token shard.
public enum ShardError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file cannot be read or written.
    case system(file: String, action: String, reason: String)
    /// The file is not a token shard.
    case foreign(file: String)
    /// The shard has another version of the format.
    case version(file: String, found: UInt32)
    /// The header or the offsets are invalid, or the size does not match the header.
    case corrupt(file: String, reason: String)
    /// A token to write is special or outside the vocabulary.
    case unstorable(file: String, token: Int32)
    /// The shard was made with another tokenizer.
    case tokenizer(file: String, found: String, expected: String)

    /// The error sentence, with the next step.
    public var description: String {
        switch self {
        case .system(let file, let action, let reason): "\(file): cannot \(action): \(reason)"
        case .foreign(let file): "\(file): not a token shard; create one with `foretoken prepare`"
        case .version(let file, let found):
            "\(file): token shard of format \(found), this version reads format \(TokenShard.version); prepare it again"
        case .corrupt(let file, let reason):
            "\(file): damaged or truncated token shard (\(reason)); copy or prepare it again"
        case .unstorable(let file, let token):
            "\(file): token \(token) is special or outside the vocabulary; shards hold ordinary tokens only"
        case .tokenizer(let file, let found, let expected):
            "\(file): made with tokenizer '\(found)', but '\(expected)' is needed; prepare the text again"
        }
    }
}

/// A memory-mapped file of tokenised documents.
///
/// Format, little-endian: a header of 160 bytes with the magic `FTOKENS1`, the version (u32), the bytes per token 1, 2 or 4 (u32),
/// the number of tokens (u64), the number of documents (u64), the tokenizer's digest in hex (64 bytes) and its name (64 bytes,
/// zero-padded); the tokens; zeros up to a multiple of 8; and documents + 1 offsets (u64) in tokens. Special tokens are not
/// stored.
public final class TokenShard: Sendable {
    static let magic = Array("FTOKENS1".utf8)
    static let version: UInt32 = 1
    static let headerSize = 160

    /// The file.
    public let url: URL
    /// The number of documents.
    public let documentCount: Int
    /// The number of tokens.
    public let tokenCount: Int
    /// The name of the tokenizer.
    public let tokenizerName: String
    /// The digest of the tokenizer.
    public let tokenizerDigest: String
    /// Bytes per stored token.
    public let tokenWidth: Int
    private let mapping: FileMapping
    private var data: UnsafeRawBufferPointer { mapping.bytes }
    private let offsetsStart: Int

    /// Opens a shard and validates header, size and offsets, in time linear in the number of documents.
    ///
    /// - Throws: ``ShardError``.
    public init(contentsOf url: URL) throws(ShardError) {
        let file = url.relativePath
        do throws(FileFailure) {
            mapping = try FileMapping(of: url)
        } catch {
            throw .system(file: file, action: "read", reason: error.reason)
        }
        let data = mapping.bytes
        guard data.count >= Self.magic.count, data.prefix(8).elementsEqual(Self.magic) else {
            throw .foreign(file: file)
        }
        guard data.count >= Self.headerSize else { throw .corrupt(file: file, reason: "the header is truncated") }
        let found: UInt32 = data.load(8)
        guard found == Self.version else { throw .version(file: file, found: found) }
        let width = Int(data.load(12) as UInt32)
        let tokens: UInt64 = data.load(16)
        let documents: UInt64 = data.load(24)
        guard [1, 2, 4].contains(width), tokens <= 1 << 50, documents <= 1 << 40 else {
            throw .corrupt(file: file, reason: "invalid sizes in the header")
        }
        tokenCount = Int(tokens)
        documentCount = Int(documents)
        tokenWidth = width
        offsetsStart = (Self.headerSize + tokenCount * width + 7) / 8 * 8
        let expected = offsetsStart + (documentCount + 1) * 8
        guard data.count == expected else {
            throw .corrupt(file: file, reason: "\(data.count) bytes, expected \(expected)")
        }
        tokenizerDigest = String(decoding: data[32..<96], as: UTF8.self)
        tokenizerName = String(decoding: data[96..<160].prefix { $0 != 0 }, as: UTF8.self)
        self.url = url
        var last = 0
        for document in 0...documentCount {
            let offset: UInt64 = data.load(offsetsStart + document * 8)
            guard offset <= tokens, offset >= last, document > 0 || offset == 0,
                document < documentCount || offset == tokens
            else { throw .corrupt(file: file, reason: "invalid offset of document \(document)") }
            last = Int(offset)
        }
    }

    /// The offset of a document in tokens; for `documentCount`, the number of tokens.
    public func offset(ofDocument document: Int) -> Int {
        precondition((0...documentCount).contains(document))
        return withExtendedLifetime(mapping) { Int(data.load(offsetsStart + document * 8) as UInt64) }
    }

    /// Copies tokens, starting at an offset, to a buffer.
    public func copyTokens(from start: Int, into buffer: UnsafeMutableBufferPointer<Int32>) {
        precondition(start >= 0 && start + buffer.count <= tokenCount)
        withExtendedLifetime(mapping) {
            let bytes = UnsafeRawBufferPointer(rebasing: data[(Self.headerSize + start * tokenWidth)...])
            for i in buffer.indices {
                buffer[i] =
                    switch tokenWidth {
                    case 1: Int32(bytes[i])
                    case 2: Int32(UInt16(littleEndian: bytes.load(fromByteOffset: i * 2, as: UInt16.self)))
                    default: Int32(littleEndian: bytes.load(fromByteOffset: i * 4, as: Int32.self))
                    }
            }
        }
    }

    /// Starts reading tokens from disk in advance; does not block.
    public func readAhead(from start: Int, count: Int) {
        precondition(start >= 0 && count >= 0 && start + count <= tokenCount)
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let first = (Self.headerSize + start * tokenWidth) / page * page
        let end = Self.headerSize + (start + count) * tokenWidth
        withExtendedLifetime(mapping) {
            _ = madvise(
                UnsafeMutableRawPointer(mutating: data.baseAddress.map { $0 + first }), end - first, MADV_WILLNEED)
        }
    }

    /// The file size in bytes.
    public var byteCount: Int { withExtendedLifetime(mapping) { data.count } }

    /// The tokens of a document.
    public func document(_ document: Int) -> [Int32] {
        let (start, end) = (offset(ofDocument: document), offset(ofDocument: document + 1))
        return [Int32](unsafeUninitializedCapacity: end - start) { buffer, count in
            copyTokens(from: start, into: UnsafeMutableBufferPointer(rebasing: buffer[..<(end - start)]))
            count = end - start
        }
    }

    /// Checks that the shard was made with a tokenizer.
    ///
    /// - Throws: ``ShardError/tokenizer(file:found:expected:)``.
    public func requireTokenizer(_ tokenizer: any Tokenizer) throws(ShardError) {
        guard tokenizerDigest == tokenizer.digest else {
            let names = TokenizerError.names(tokenizerName, tokenizerDigest, tokenizer.name, tokenizer.digest)
            throw .tokenizer(file: url.relativePath, found: names.found, expected: names.expected)
        }
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func load<Value: FixedWidthInteger>(_ offset: Int) -> Value {
        Value(littleEndian: loadUnaligned(fromByteOffset: offset, as: Value.self))
    }
}

extension TokenShard {
    /// The first documents, each truncated to `context` tokens and preceded by `beginning`; about 16,384 tokens in total.
    package func firstTexts(beginning: [Int32], context: Int) -> [[Int32]] {
        var (texts, total) = ([[Int32]](), 0)
        for document in 0..<documentCount where total < 16_384 {
            texts.append(beginning + self.document(document).prefix(context))
            total += texts[texts.count - 1].count
        }
        return texts
    }
}
