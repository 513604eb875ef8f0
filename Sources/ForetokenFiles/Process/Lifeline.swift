import ForetokenPlatform

/// Ends a process that another one started when that one is gone, however it ended: it asks as Ctrl-C does, so a training
/// is checkpointed.
public enum Lifeline {
    /// Names the descriptors that a child got: the reading end of a pipe whose other end only its parent holds, and a file
    /// that stays locked for as long as the child runs.
    package static let variable = "FORETOKEN_LIFELINE"
    /// Descriptors of a child, above any that it opens before it looks.
    package static let numbers: (pipe: Int32, lock: Int32) = (210, 211)

    /// Watches for the end of the process that started this one, if that is a study.
    public static func follow() {
        guard getenv(variable) != nil else { return }
        // Nothing that this process starts is to follow, or to hold the lock.
        unsetenv(variable)
        for number in [numbers.pipe, numbers.lock] { _ = fcntl(number, F_SETFD, FD_CLOEXEC) }
        guard fcntl(numbers.pipe, F_GETFD) >= 0 else { return }
        Platform.startThread(stackSize: 1 << 16) {
            var byte: UInt8 = 0
            while true {
                let count = read(numbers.pipe, &byte, 1)
                if count == 0 { break }
                if count < 0 && errno != EINTR { return }
            }
            kill(getpid(), SIGTERM)
        }
    }
}
