import ForetokenPlatform

/// Terminates a child process when its parent is gone, even by a crash. The child gets SIGTERM, so a training run saves a
/// checkpoint.
public enum Lifeline {
    /// Environment variable that tells a child it has inherited two descriptors: the read end of a pipe whose write end only
    /// its parent holds, and a file that stays locked while the child runs.
    package static let variable = "FORETOKEN_LIFELINE"
    /// The inherited descriptors' numbers, above any that the child opens before ``follow()``.
    package static let numbers: (pipe: Int32, lock: Int32) = (210, 211)

    /// Starts watching for the end of the parent, if the parent is a study.
    public static func follow() {
        guard getenv(variable) != nil else { return }
        // This process's own children inherit neither the variable nor the lock.
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
