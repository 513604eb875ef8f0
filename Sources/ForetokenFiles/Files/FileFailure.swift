import ForetokenPlatform

/// A failed system call on a file.
package struct FileFailure: Error, Sendable, Equatable {
    /// The failed action, as a verb: `open`, `write`, `synchronise`, `rename`.
    package let action: String

    /// The system's message for the error number, or our own for errors that have none.
    package let reason: String

    /// Number of bytes written before a failed write; 0 for other actions.
    package let bytesWritten: Int

    /// Whether the file does not exist.
    package let isMissing: Bool

    package init(action: String, reason: String, bytesWritten: Int = 0, isMissing: Bool = false) {
        self.action = action
        self.reason = reason
        self.bytesWritten = bytesWritten
        self.isMissing = isMissing
    }

    package init(action: String, code: Int32, bytesWritten: Int = 0) {
        self.init(
            action: action, reason: String(cString: strerror(code)), bytesWritten: bytesWritten,
            isMissing: code == ENOENT)
    }
}
