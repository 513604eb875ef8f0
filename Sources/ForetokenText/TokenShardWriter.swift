import ForetokenFiles
public import ForetokenPlatform

/// The encoding of tokens in a shard, with the smallest width that fits the tokenizer's ordinary tokens.
struct TokenPacking: Sendable {
    /// Bytes per token: 1, 2 or 4.
    let width: Int
    private let tokenizer: any Tokenizer
    /// An upper bound of ordinary tokens; special tokens are not stored.
    private let bound: Int32
    private let special: [Int32]
    private let isBytes: Bool

    init(_ tokenizer: any Tokenizer) {
        self.tokenizer = tokenizer
        isBytes = tokenizer is ByteTokenizer
        special = [tokenizer.beginningOfText, tokenizer.endOfText].compactMap(\.self)
        var largest = tokenizer.vocabularySize
        while largest > 0, special.contains(Int32(clamping: largest - 1)) { largest -= 1 }
        bound = Int32(clamping: largest)
        width = largest <= 1 << 8 ? 1 : largest <= 1 << 16 ? 2 : 4
    }

    /// Encodes a text for a shard.
    ///
    /// - Throws: ``ShardError/unstorable(file:token:)``.
    func pack(text: [UInt8], file: String) throws(ShardError) -> [UInt8] {
        // The byte tokenizer's tokens are the bytes themselves.
        isBytes ? text : try pack(tokenizer.encode(text), file: file)
    }

    /// Encodes tokens for a shard. `file`: the shard's path, for errors.
    ///
    /// - Throws: ``ShardError/unstorable(file:token:)``.
    func pack(_ tokens: [Int32], file: String) throws(ShardError) -> [UInt8] {
        if let token = tokens.first(where: { !(0..<bound).contains($0) || special.contains($0) }) {
            throw .unstorable(file: file, token: token)
        }
        return [UInt8](unsafeUninitializedCapacity: tokens.count * width) { buffer, count in
            count = tokens.count * width
            let bytes = UnsafeMutableRawBufferPointer(buffer)
            for (index, token) in tokens.enumerated() {
                switch width {
                case 1: bytes[index] = UInt8(truncatingIfNeeded: token)
                case 2:
                    bytes.storeBytes(
                        of: UInt16(truncatingIfNeeded: token).littleEndian, toByteOffset: index * 2, as: UInt16.self)
                default: bytes.storeBytes(of: token.littleEndian, toByteOffset: index * 4, as: Int32.self)
                }
            }
        }
    }
}

/// Writes a ``TokenShard`` document by document, in constant memory. The file gets its final name only when it is complete and
/// durable.
public final class TokenShardWriter {
    private let url: URL
    private let temporary: (tokens: URL, offsets: URL)
    private let tokens: PartialFile
    private let offsets: PartialFile
    private let tokenizer: any Tokenizer
    private let packing: TokenPacking
    private let isRestartable: Bool
    private var isSealed = false

    /// The number of documents written.
    public var documentCount: Int { offsets.count / 8 - 1 }
    /// The number of tokens written.
    public private(set) var tokenCount: Int

    /// Starts a shard; its temporary files are in the same folder, which must exist.
    ///
    /// - Throws: ``ShardError/system(file:action:reason:)``.
    public convenience init(_ url: URL, tokenizer: any Tokenizer) throws(ShardError) {
        let temporary = url.deletingLastPathComponent()
            .appendingPathComponent(".\(url.lastPathComponent).\(ProcessInfo.processInfo.processIdentifier).temporary")
        try self.init(url, tokenizer: tokenizer, temporary: temporary, isRestartable: false)
    }

    /// Starts a shard in a temporary file or, with `documents` and `tokens`, resumes one truncated to these counts. The temporary
    /// files of a restartable writer are kept when it is released.
    init(
        _ url: URL, tokenizer: any Tokenizer, temporary: URL, isRestartable: Bool = true, documents: Int = 0,
        tokens: Int = 0
    ) throws(ShardError) {
        self.url = url
        self.tokenizer = tokenizer
        self.temporary = (temporary, temporary.appendingPathExtension("offsets"))
        self.isRestartable = isRestartable
        packing = TokenPacking(tokenizer)
        tokenCount = tokens
        let isNew = documents == 0 && tokens == 0
        do throws(FileFailure) {
            self.tokens = try PartialFile(
                self.temporary.tokens, keeping: isNew ? 0 : TokenShard.headerSize + tokens * packing.width)
            offsets = try PartialFile(self.temporary.offsets, keeping: isNew ? 0 : (documents + 1) * 8)
            if isNew {
                try self.tokens.append([UInt8](repeating: 0, count: TokenShard.headerSize))
                try appendOffset()
            }
        } catch {
            throw Self.failure(url, error)
        }
    }

    deinit {
        if !isRestartable { for file in [temporary.tokens, temporary.offsets] { unlink(file.path) } }
    }

    /// Adds a document.
    ///
    /// - Throws: ``ShardError/unstorable(file:token:)``; ``ShardError/system(file:action:reason:)``, also if the disk is full.
    public func append(_ document: [Int32]) throws(ShardError) {
        try append(packed: packing.pack(document, file: url.relativePath)[...])
    }

    /// Adds an encoded document.
    func append(packed document: ArraySlice<UInt8>) throws(ShardError) {
        tokenCount += document.count / packing.width
        do throws(FileFailure) {
            try tokens.append(document)
            try appendOffset()
        } catch {
            throw Self.failure(url, error)
        }
    }

    private func appendOffset() throws(FileFailure) {
        try offsets.append(withUnsafeBytes(of: UInt64(tokenCount).littleEndian) { Array($0) })
    }

    /// Writes all buffered data, so that another process can resume from here.
    func flush() throws(ShardError) {
        do throws(FileFailure) {
            try tokens.flush()
            try offsets.flush()
        } catch {
            throw Self.failure(url, error)
        }
    }

    /// Completes the file under its temporary name and makes it durable.
    func seal() throws(ShardError) {
        guard !isSealed else { return }
        var header = TokenShard.magic
        for value in [TokenShard.version, UInt32(packing.width)] {
            withUnsafeBytes(of: value.littleEndian) { header += $0 }
        }
        for value in [UInt64(tokenCount), UInt64(documentCount)] {
            withUnsafeBytes(of: value.littleEndian) { header += $0 }
        }
        header += tokenizer.digest.utf8.prefix(64)
        header += tokenizer.name.utf8.prefix(64)
        header += [UInt8](repeating: 0, count: TokenShard.headerSize - header.count)
        do throws(FileFailure) {
            try tokens.append([UInt8](repeating: 0, count: (8 - tokens.count % 8) % 8))
            try tokens.append(contentsOf: offsets)
            try tokens.seal(header: header)
        } catch {
            throw Self.failure(url, error)
        }
        isSealed = true
    }

    /// Completes the file and renames it to its final name.
    ///
    /// - Throws: ``ShardError/system(file:action:reason:)``.
    public func finish() throws(ShardError) {
        try seal()
        guard rename(temporary.tokens.path, url.path) == 0 else {
            throw .system(file: url.relativePath, action: "write", reason: String(cString: strerror(errno)))
        }
        unlink(temporary.offsets.path)
    }

    private static func failure(_ url: URL, _ error: FileFailure) -> ShardError {
        .system(file: url.relativePath, action: error.action, reason: error.reason)
    }
}
