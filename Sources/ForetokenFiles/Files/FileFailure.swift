import ForetokenPlatform

/// An operating-system call on a file that failed: which call, and what the system said.
package struct FileFailure: Error, Sendable, Equatable {
    /// What was being done, as a verb: `open`, `write`, `synchronise`, `rename`.
    package let action: String

    /// The system's sentence for the error number, or our own where the system has none.
    package let reason: String

    /// How many bytes the file had received before a failed write; zero elsewhere.
    package let bytesWritten: Int

    /// Whether there simply is no such file.
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
