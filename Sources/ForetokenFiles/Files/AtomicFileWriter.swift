package import ForetokenPlatform

/// Writes a file under a temporary name in its destination's folder and renames it once every byte is on disk, so that a kill
/// at any time leaves either the old file or the complete new one.
///
/// An instance released without ``commit()`` removes its temporary file.
package final class AtomicFileWriter {
    private let destination: URL
    private let temporary: URL
    private var descriptor: Int32
    private var pending: [UInt8] = []

    /// Bytes appended so far.
    package private(set) var bytesAppended = 0

    /// Bytes written to the file so far; the rest of ``bytesAppended`` is still buffered.
    package private(set) var bytesWritten = 0

    /// Small writes (scalars, biases) are buffered up to this size, to save system calls.
    private static let bufferSize = 1 << 20

    /// Creates the temporary file in the destination's folder, which must exist.
    package convenience init(destination: URL) throws(FileFailure) {
        let suffix = String(UInt64.random(in: .min ... .max), radix: 36)
        let name = ".\(destination.lastPathComponent).\(suffix).temporary"
        try self.init(
            destination: destination, temporary: destination.deletingLastPathComponent().appendingPathComponent(name),
            flags: O_CREAT | O_EXCL)
    }

    /// For tests, which pass `/dev/full` as the temporary file to simulate a full disk.
    package init(destination: URL, temporary: URL, flags: Int32) throws(FileFailure) {
        self.destination = destination
        self.temporary = temporary
        descriptor = open(temporary.path, O_WRONLY | O_CLOEXEC | flags, 0o644)
        guard descriptor >= 0 else { throw FileFailure(action: "create", code: errno) }
        pending.reserveCapacity(Self.bufferSize)
    }

    deinit {
        discard()
    }

    /// Appends bytes; large writes bypass the buffer.
    package func append(_ bytes: UnsafeRawBufferPointer) throws(FileFailure) {
        bytesAppended += bytes.count
        if pending.count + bytes.count > Self.bufferSize {
            try flush()
        }
        if bytes.count >= Self.bufferSize {
            try write(bytes)
        } else {
            pending.append(contentsOf: bytes)
        }
    }

    /// Appends the UTF-8 bytes of a string.
    package func append(_ text: String) throws(FileFailure) {
        try append(Array(text.utf8))
    }

    /// Appends the bytes of an array.
    package func append(_ bytes: [UInt8]) throws(FileFailure) {
        try withBytes(of: bytes) { (buffer) throws(FileFailure) in try append(buffer) }
    }

    /// Syncs the file and renames it to its destination, replacing any existing file.
    package func commit() throws(FileFailure) {
        try flush()
        guard fsync(descriptor) == 0 else {
            throw FileFailure(action: "synchronise", code: errno, bytesWritten: bytesWritten)
        }
        let closing = descriptor
        descriptor = -1
        // Network file systems report a failed write only here.
        guard close(closing) == 0 else {
            let failure = FileFailure(action: "close", code: errno, bytesWritten: bytesWritten)
            unlink(temporary.path)
            throw failure
        }
        guard rename(temporary.path, destination.path) == 0 else {
            let failure = FileFailure(action: "rename", code: errno, bytesWritten: bytesWritten)
            unlink(temporary.path)
            throw failure
        }
        synchroniseFolder()
    }

    /// Closes and removes the temporary file; does nothing after ``commit()``.
    package func discard() {
        guard descriptor >= 0 else { return }
        close(descriptor)
        descriptor = -1
        unlink(temporary.path)
    }

    private func flush() throws(FileFailure) {
        guard !pending.isEmpty else { return }
        try withBytes(of: pending) { (buffer) throws(FileFailure) in try write(buffer) }
        pending.removeAll(keepingCapacity: true)
    }

    private func write(_ bytes: UnsafeRawBufferPointer) throws(FileFailure) {
        var rest = bytes
        while !rest.isEmpty {
            let count = systemWrite(descriptor, rest)
            if count < 0 {
                if errno == EINTR { continue }
                throw FileFailure(action: "write", code: errno, bytesWritten: bytesWritten)
            }
            guard count > 0 else {
                throw FileFailure(
                    action: "write", reason: "the system accepted no more bytes", bytesWritten: bytesWritten)
            }
            bytesWritten += count
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Makes the rename durable. Some file systems cannot sync a folder; the file is still complete there, so errors are
    /// ignored.
    private func synchroniseFolder() {
        let folder = open(destination.deletingLastPathComponent().path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { return }
        fsync(folder)
        close(folder)
    }
}

/// Outside the class, where `write` would name its own method.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}

/// `Array.withUnsafeBytes` rethrows untyped errors; this keeps the type.
private func withBytes(
    of array: [UInt8], _ body: (UnsafeRawBufferPointer) throws(FileFailure) -> Void
) throws(FileFailure) {
    let result = array.withUnsafeBytes { buffer -> Result<Void, FileFailure> in
        do throws(FileFailure) {
            return .success(try body(buffer))
        } catch {
            return .failure(error)
        }
    }
    try result.get()
}
