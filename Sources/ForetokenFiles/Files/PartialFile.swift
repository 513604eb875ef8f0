package import ForetokenPlatform

/// An append-only file that a later process can resume from any earlier length.
package final class PartialFile {
    /// Bytes appended, buffered ones included.
    package private(set) var count: Int
    private let url: URL
    private let descriptor: Int32
    private var pending: [UInt8] = []
    private static let bufferSize = 1 << 20

    /// Opens or creates the file and truncates it to `count` bytes.
    package init(_ url: URL, keeping count: Int = 0) throws(FileFailure) {
        self.url = url
        self.count = count
        descriptor = open(url.path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard descriptor >= 0 else { throw FileFailure(action: "write", code: errno) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_size >= count else {
            throw FileFailure(action: "read", reason: "it is shorter than it was")
        }
        guard ftruncate(descriptor, off_t(count)) == 0, lseek(descriptor, 0, SEEK_END) >= 0 else {
            throw FileFailure(action: "write", code: errno)
        }
    }

    deinit { close(descriptor) }

    /// Adds bytes at the end.
    package func append(_ bytes: UnsafeRawBufferPointer) throws(FileFailure) {
        count += bytes.count
        if pending.count + bytes.count > Self.bufferSize { try flush() }
        if bytes.count >= Self.bufferSize { try write(bytes) } else { pending.append(contentsOf: bytes) }
    }

    /// Writes the buffered bytes to the file.
    package func flush() throws(FileFailure) {
        let bytes = pending
        pending.removeAll(keepingCapacity: true)
        try bytes.withUnsafeBytes { bytes in Result { () throws(FileFailure) in try write(bytes) } }.get()
    }

    /// Appends the contents of another file.
    package func append(contentsOf other: PartialFile) throws(FileFailure) {
        try other.flush()
        var (position, buffer) = (0, [UInt8](repeating: 0, count: Self.bufferSize))
        while position < other.count {
            let got = buffer.withUnsafeMutableBytes {
                pread(other.descriptor, $0.baseAddress, $0.count, off_t(position))
            }
            if got < 0, errno == EINTR { continue }
            guard got > 0 else {
                throw FileFailure(
                    action: "read", reason: got == 0 ? "it was truncated" : String(cString: strerror(errno)))
            }
            try buffer.withUnsafeBytes { bytes in
                Result { () throws(FileFailure) in try append(UnsafeRawBufferPointer(rebasing: bytes[..<got])) }
            }.get()
            position += got
        }
    }

    /// Overwrites the beginning with a header and syncs the file.
    package func seal(header: [UInt8]) throws(FileFailure) {
        try flush()
        let written = header.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        guard written == header.count, fsync(descriptor) == 0 else {
            throw FileFailure(action: "write", code: errno)
        }
    }

    /// Returns the whole contents.
    package func contents() throws(FileFailure) -> [UInt8] {
        try flush()
        let mapping = try FileMapping(of: url)
        return withExtendedLifetime(mapping) { Array(mapping.bytes) }
    }

    private func write(_ bytes: UnsafeRawBufferPointer) throws(FileFailure) {
        var rest = bytes
        while !rest.isEmpty {
            let written = systemWrite(descriptor, rest)
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw FileFailure(action: "write", code: errno) }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }
}

/// Outside the class, where `write` would name its own method.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}

extension PartialFile {
    /// Adds bytes at the end.
    package func append(_ bytes: some Sequence<UInt8>) throws(FileFailure) {
        let added = bytes.withContiguousStorageIfAvailable { bytes in
            Result { () throws(FileFailure) in try append(UnsafeRawBufferPointer(bytes)) }
        }
        if let added { try added.get() } else { try append(Array(bytes)) }
    }
}
