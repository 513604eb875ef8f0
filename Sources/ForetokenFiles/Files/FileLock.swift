package import ForetokenPlatform

/// An exclusive lock on a file, held until the object is released or the process ends, even by a crash.
///
/// The file contains the id of the process that holds the lock, so that others can name it.
package final class FileLock {
    /// The open file, which child processes can inherit.
    package let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Takes the lock, creating the file if necessary; nil if another process holds it.
    ///
    /// - Throws: ``FileFailure`` if the file cannot be opened or created.
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

    /// Locks an open file until it is closed; false if another process holds the lock.
    package static func take(_ descriptor: Int32) -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 }

    /// The id of the process that holds or last held a lock, as written in the file; nil if the file is empty.
    package static func holder(of url: URL) -> String? {
        (try? String(contentsOf: url, encoding: .utf8)).flatMap { $0.isEmpty ? nil : $0 }
    }
}
