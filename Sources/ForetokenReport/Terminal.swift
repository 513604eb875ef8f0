import Foundation

/// What the terminal can show.
public enum Terminal {
    /// Whether standard output is a terminal that may be coloured (NO_COLOR and TERM=dumb forbid it).
    public static var allowsColor: Bool { isatty(STDOUT_FILENO) == 1 && plainEnvironment }

    /// Whether standard error is a terminal whose last line may be rewritten.
    public static var isInteractive: Bool {
        isatty(STDERR_FILENO) == 1 && getenv("TERM").map { strcmp($0, "dumb") != 0 } ?? false
    }

    private static var plainEnvironment: Bool {
        getenv("NO_COLOR") == nil && getenv("TERM").map { strcmp($0, "dumb") != 0 } ?? false
    }

    /// Columns of standard error's terminal, 80 if unknown, never below 20.
    public static var width: Int { columns(of: STDERR_FILENO) ?? 80 }

    /// Columns of standard output's terminal; nil if it is none, 80 if it does not say.
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

    /// Writes a line to standard error if that need not wait for a reader who has stopped (Ctrl-S, a full pipe); whether it did.
    @discardableResult
    public static func offer(_ line: String) -> Bool {
        guard isWritable else { return false }
        log(line)
        return true
    }

    /// Whether standard error takes a line at once. A pipe does so in whole pages.
    static var isWritable: Bool {
        var place = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
        return poll(&place, 1, 0) != 0
    }

    /// Writes to standard error; where that is closed or full there is nobody to tell.
    static func write(_ text: String) {
        // Not FileHandle.write, which crashes then.
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if count <= 0 && errno != EINTR { return }
            rest = rest.dropFirst(max(0, count))
        }
    }
}
