import CCompression
package import ForetokenPlatform

/// Reads a regular file sequentially and decompresses it if it is gzip or zstd, judged by its first bytes, not its name. All
/// compressed files are read through this type.
///
/// Text is never mistaken for a compressed file: both formats begin with bytes that are not valid UTF-8.
package final class UnpackingReader {
    /// Bytes read from the file so far, for progress.
    package private(set) var bytesTaken = 0
    /// Whether the file is compressed.
    package var isPacked: Bool { unpacker != nil }

    private let descriptor: Int32
    private var unpacker: OpaquePointer?
    private var buffer: [UInt8] = []
    /// The unread part of the buffer.
    private var rest = 0..<0
    /// Whether the compressed data may end here.
    private var isAtEnd = false
    private static let bufferSize = 1 << 17

    /// Opens a file by the bytes of its path, optionally following a symbolic link.
    package convenience init(path: [UInt8], followingLinks: Bool = true) throws(FileFailure) {
        try self.init(descriptor: openRegularFile(path, followingLinks: followingLinks).descriptor)
    }

    /// Opens a file.
    package convenience init(_ url: URL) throws(FileFailure) {
        try self.init(path: Array(url.path.utf8))
    }

    /// Takes ownership of an open regular file.
    package init(descriptor: Int32) throws(FileFailure) {
        self.descriptor = descriptor
        try refill()
        func begins(with magic: [UInt8]) -> Bool { buffer[rest].starts(with: magic) }
        let format: (kind: unpack_format, library: String, package: String)
        if begins(with: [0x1F, 0x8B]) {
            format = (UNPACK_GZIP, "libz.so.1", "zlib1g")
        } else if begins(with: [0x28, 0xB5, 0x2F, 0xFD]) {
            format = (UNPACK_ZSTD, "libzstd.so.1", "libzstd1")
        } else {
            return
        }
        unpacker = unpack_open(format.kind)
        if unpacker == nil {
            throw FileFailure(
                action: "unpack",
                reason:
                    "this needs \(format.library); install it (apt-get install \(format.package)), or unpack the file"
            )
        }
    }

    deinit {
        unpack_close(unpacker)
        close(descriptor)
    }

    /// Reads up to `output.count` bytes.
    ///
    /// - Returns: the number of bytes read. It is smaller than `output.count` only at the end of the file or before damaged
    ///   data, for which the next call throws.
    package func read(into output: UnsafeMutableRawBufferPointer) throws(FileFailure) -> Int {
        var filled = 0
        while filled < output.count {
            let piece = UnsafeMutableRawBufferPointer(rebasing: output[filled...])
            let count: Int
            do throws(FileFailure) {
                if let failure { throw failure }
                if rest.isEmpty { try refill() }
                count = unpacker == nil ? copy(into: piece) : try unpack(into: piece)
            } catch {
                failure = error
                guard filled > 0 else { throw error }
                break
            }
            if count == 0, rest.isEmpty, bytesInFile == .none, failure == nil { break }
            filled += count
        }
        return filled
    }

    /// Reads to the end.
    package func contents(limit: Int) throws(FileFailure) -> [UInt8] {
        var result: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = try piece.withUnsafeMutableBytes { bytes in
                Result { () throws(FileFailure) in try read(into: bytes) }
            }.get()
            guard result.count + count <= limit else {
                throw FileFailure(action: "unpack", reason: "it holds more than \(limit) bytes")
            }
            result += piece[..<count]
            if count == 0 { return result }
        }
    }

    private enum MoreBytes { case some, none }
    private var bytesInFile = MoreBytes.some
    /// The error that the next read throws.
    private var failure: FileFailure?

    private func copy(into output: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(rest.count, output.count)
        buffer.withUnsafeBytes { output.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[rest.prefix(count)])) }
        rest = rest.dropFirst(count)
        return count
    }

    private func unpack(into output: UnsafeMutableRawBufferPointer) throws(FileFailure) -> Int {
        guard let unpacker, let base = output.baseAddress else { return 0 }
        if rest.isEmpty, isAtEnd { return 0 }
        var (taken, given) = (0, 0)
        let state = buffer.withUnsafeBytes { bytes in
            unpack_step(
                unpacker, bytes.baseAddress.map { $0 + rest.lowerBound }, rest.count, &taken, base, output.count, &given
            )
        }
        rest = rest.dropFirst(taken)
        guard state != UNPACK_FAILED else {
            let words = String(cString: unpack_message(unpacker))
            failure = FileFailure(action: "unpack", reason: "it is damaged (\(words))")
            return given
        }
        isAtEnd = state == UNPACK_AT_END
        if taken == 0, given == 0, rest.isEmpty, bytesInFile == .none, !isAtEnd {
            throw FileFailure(action: "unpack", reason: "it is truncated")
        }
        return given
    }

    private func refill() throws(FileFailure) {
        guard bytesInFile == .some else { return }
        if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: Self.bufferSize) }
        while true {
            let count = buffer.withUnsafeMutableBytes { systemRead(descriptor, $0) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileFailure(action: "read", code: errno) }
            if count == 0 { bytesInFile = .none }
            rest = 0..<count
            bytesTaken += count
            return
        }
    }
}

/// Opens a regular file for reading. Reading a pipe could block and reading a device might never end.
package func openRegularFile(
    _ path: [UInt8], followingLinks: Bool = true
) throws(FileFailure) -> (descriptor: Int32, status: stat) {
    let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (followingLinks ? 0 : O_NOFOLLOW)
    let descriptor = withCPath(path) { open($0, flags) }
    guard descriptor >= 0 else { throw FileFailure(action: "open", code: errno) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
        close(descriptor)
        throw FileFailure(action: "open", reason: "it is not a regular file")
    }
    return (descriptor, status)
}

/// Calls `body` with a path as a C string; the path need not be UTF-8.
package func withCPath<Result>(_ path: [UInt8], _ body: (UnsafePointer<CChar>) -> Result) -> Result {
    (path.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { bytes in
        guard let base = bytes.baseAddress else { preconditionFailure("an array with an element has an address") }
        return body(base)
    }
}

/// Outside the class, where `read` would name its own method.
private func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
    read(descriptor, buffer.baseAddress, buffer.count)
}
