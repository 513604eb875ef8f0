package import ForetokenPlatform

/// An exclusive lock on a file, held until the object goes away or the process ends, however it ends.
///
/// The file holds the number of the process that has the lock, so that others can name it.
package final class FileLock {
    /// The open file, for who hands it on to processes of its own or asks where it lies.
    package let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Takes the lock, making the file if it is not there; nil if it is held.
    ///
    /// - Throws: ``FileFailure`` if the file cannot be opened or made.
    package static func take(_ url: URL) throws(FileFailure) -> FileLock? {
        let descriptor = open(url.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileFailure(action: "open", code: errno) }
        guard take(descriptor) else {
            close(descriptor)
            return nil
        }
        ftruncate(descriptor, 0)
        let process = "\(ProcessInfo.processInfo.processIdentifier)"
        _ = process.withCString { pwrite(descriptor, $0, strlen($0), 0) }
        return FileLock(descriptor: descriptor)
    }

    /// Takes the lock of an open file until it is closed; false if it is held.
    package static func take(_ descriptor: Int32) -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 }

    /// The number of the process that holds or last held a lock, as the file has it; nil if it says nothing.
    package static func holder(of url: URL) -> String? {
        (try? String(contentsOf: url, encoding: .utf8)).flatMap { $0.isEmpty ? nil : $0 }
    }
}
