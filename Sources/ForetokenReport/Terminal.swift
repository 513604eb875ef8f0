import Foundation

/// Properties of the terminal, and output to standard error.
public enum Terminal {
    /// Whether standard output is a terminal that shows colours: not with NO_COLOR or TERM=dumb.
    public static var allowsColor: Bool { isatty(STDOUT_FILENO) == 1 && environmentAllowsColor }

    /// Whether standard error is a terminal that can rewrite its last line.
    public static var isInteractive: Bool {
        isatty(STDERR_FILENO) == 1 && getenv("TERM").map { strcmp($0, "dumb") != 0 } ?? false
    }

    private static var environmentAllowsColor: Bool {
        getenv("NO_COLOR") == nil && getenv("TERM").map { strcmp($0, "dumb") != 0 } ?? false
    }

    /// The width of standard error's terminal in columns: at least 20, and 80 if unknown.
    public static var width: Int { columns(of: STDERR_FILENO) ?? 80 }

    /// The width of standard output's terminal in columns, 80 if unknown; nil if standard output is not a terminal.
    public static var outputWidth: Int? {
        isatty(STDOUT_FILENO) == 1 ? columns(of: STDOUT_FILENO) ?? 80 : nil
    }

    private static func columns(of descriptor: Int32) -> Int? {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return max(20, Int(size.ws_col))
    }

    /// Writes a line to standard error.
    public static func log(_ line: String) { write(line + "\n") }

    /// Writes a line to standard error unless that would block (Ctrl-S, a full pipe). Returns whether it was written.
    @discardableResult
    public static func offer(_ line: String) -> Bool {
        guard isWritable else { return false }
        log(line)
        return true
    }

    /// Whether standard error accepts a line without blocking. A pipe reports this in units of pages.
    static var isWritable: Bool {
        var descriptor = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
        return poll(&descriptor, 1, 0) != 0
    }

    /// Writes to standard error; errors are ignored, as they cannot be reported.
    static func write(_ text: String) {
        // Not FileHandle.write, which crashes on an error.
        var remaining = Array(text.utf8)[...]
        while !remaining.isEmpty {
            let count = remaining.withUnsafeBytes { Foundation.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if count <= 0 && errno != EINTR { return }
            remaining = remaining.dropFirst(max(0, count))
        }
    }
}
