import Foundation

/// A text that a child process reads as a file; the file has no name and is gone with its last descriptor.
struct InputFile {
    /// Open for reading, close-on-exec, and above `ChildProcess.numbers`.
    let descriptor: Descriptor

    init(_ text: String) throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("foretoken-\(UUID().uuidString)").path
        let writing = Descriptor(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600))
        guard writing.isOpen else { throw Self.failure(path) }
        defer { unlink(path) }
        try Self.write(Array(text.utf8), to: writing, path)
        // Opened again, since a descriptor for writing would let the program write without its limits. Readable by all, since
        // the program may run as another user and open it by name.
        guard fchmod(writing.number, 0o444) == 0 else { throw Self.failure(path) }
        let reading = Descriptor(open(path, O_RDONLY | O_CLOEXEC))
        guard reading.isOpen else { throw Self.failure(path) }
        descriptor = Descriptor(fcntl(reading.number, F_DUPFD_CLOEXEC, 32))
        guard descriptor.isOpen else { throw Self.failure(path) }
    }

    private static func write(_ bytes: [UInt8], to file: Descriptor, _ path: String) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Foundation.write(file.number, $0.baseAddress.map { $0 + sent }, $0.count - sent)
            }
            guard count > 0 || errno == EINTR else { throw failure(path) }
            sent += max(0, count)
        }
    }

    private static func failure(_ path: String) -> EvaluationError {
        .system(file: path, reason: "cannot be written: \(String(cString: strerror(errno)))")
    }
}
