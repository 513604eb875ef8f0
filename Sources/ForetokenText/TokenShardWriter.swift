public import Foundation

/// Writes a ``TokenShard`` document by document; the file has its name only when it is whole and on the disk.
public final class TokenShardWriter {
    private let url: URL
    private let temporary: URL
    private let handle: FileHandle
    private let tokenizer: any Tokenizer
    private let width: Int
    /// Above all ordinary tokens: special ones are never stored.
    private let bound: Int32
    private let special: [Int32]
    private var buffer = Data()
    private var offsets: [UInt64] = [0]

    /// Documents so far.
    public var documentCount: Int { offsets.count - 1 }
    /// Tokens so far.
    public var tokenCount: Int { Int(offsets[offsets.count - 1]) }

    /// Starts a shard beside its place, in an existing folder.
    ///
    /// - Throws: ``ShardError/system(file:action:reason:)``.
    public init(_ url: URL, tokenizer: any Tokenizer) throws(ShardError) {
        self.url = url
        self.tokenizer = tokenizer
        temporary = url.deletingLastPathComponent()
            .appendingPathComponent(".\(url.lastPathComponent).\(ProcessInfo.processInfo.processIdentifier).temporary")
        special = [tokenizer.beginningOfText, tokenizer.endOfText].compactMap(\.self)
        var largest = tokenizer.vocabularySize
        while largest > 0, special.contains(Int32(clamping: largest - 1)) { largest -= 1 }
        bound = Int32(clamping: largest)
        width = largest <= 1 << 8 ? 1 : largest <= 1 << 16 ? 2 : 4
        _ = FileManager.default.createFile(atPath: temporary.path, contents: nil)
        do {
            handle = try FileHandle(forWritingTo: temporary)
            try handle.write(contentsOf: Data(count: TokenShard.headerSize))
        } catch {
            throw Self.failure(url, error)
        }
    }

    deinit { try? FileManager.default.removeItem(at: temporary) }

    /// Adds a document.
    ///
    /// - Throws: ``ShardError/unstorable(file:token:)``; ``ShardError/system(file:action:reason:)``, for a full disk too.
    public func append(_ document: [Int32]) throws(ShardError) {
        if let token = document.first(where: { !(0..<bound).contains($0) || special.contains($0) }) {
            throw .unstorable(file: url.relativePath, token: token)
        }
        for token in document {
            switch width {
            case 1: buffer.append(UInt8(truncatingIfNeeded: token))
            case 2:
                withUnsafeBytes(of: UInt16(truncatingIfNeeded: token).littleEndian) { buffer.append(contentsOf: $0) }
            default: withUnsafeBytes(of: token.littleEndian) { buffer.append(contentsOf: $0) }
            }
        }
        offsets.append(UInt64(tokenCount + document.count))
        if buffer.count > 1 << 20 { try flush() }
    }

    /// Writes offsets and header and gives the file its name.
    ///
    /// - Throws: ``ShardError/system(file:action:reason:)``.
    public func finish() throws(ShardError) {
        let end = TokenShard.headerSize + tokenCount * width
        buffer.append(Data(count: (8 - end % 8) % 8))
        for offset in offsets { withUnsafeBytes(of: offset.littleEndian) { buffer.append(contentsOf: $0) } }
        try flush()
        var header = Data(TokenShard.magic)
        for value in [TokenShard.version, UInt32(width)] {
            withUnsafeBytes(of: value.littleEndian) { header.append(contentsOf: $0) }
        }
        for value in [UInt64(tokenCount), UInt64(documentCount)] {
            withUnsafeBytes(of: value.littleEndian) { header.append(contentsOf: $0) }
        }
        header.append(contentsOf: Array(tokenizer.digest.utf8.prefix(64)))
        header.append(contentsOf: Array(tokenizer.name.utf8.prefix(64)))
        header.append(Data(count: TokenShard.headerSize - header.count))
        do {
            try handle.seek(toOffset: 0)
            try handle.write(contentsOf: header)
            try handle.synchronize()
            try handle.close()
        } catch {
            throw Self.failure(url, error)
        }
        guard rename(temporary.path, url.path) == 0 else {
            throw .system(file: url.relativePath, action: "write", reason: String(cString: strerror(errno)))
        }
    }

    private func flush() throws(ShardError) {
        do {
            try handle.write(contentsOf: buffer)
        } catch {
            throw Self.failure(url, error)
        }
        buffer.removeAll(keepingCapacity: true)
    }

    private static func failure(_ url: URL, _ error: any Error) -> ShardError {
        .system(file: url.relativePath, action: "write", reason: error.systemReason)
    }
}
