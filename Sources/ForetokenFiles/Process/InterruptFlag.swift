package import ForetokenPlatform
import Synchronization

/// Records SIGINT and SIGTERM: long-running work polls the flag, finishes its step and saves.
public enum InterruptFlag {
    private static let raised = Atomic<Bool>(false)

    /// Installs the handlers: the first signal raises the flag, a second one of the same kind terminates the process as usual.
    public static func install() {
        for number in [SIGINT, SIGTERM] {
            signal(number) { number in
                InterruptFlag.raise()
                signal(number, SIG_DFL)
            }
        }
        // The signal mask is inherited from the thread that started this process, and libdispatch's threads block signals. A
        // signal that is already pending raises the flag now.
        var signals = signals
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    }

    /// Both signals, to block them in a child process until it has called ``install()``.
    package static var signals: sigset_t {
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM] { sigaddset(&signals, number) }
        return signals
    }

    /// Whether a signal has arrived.
    public static var isRaised: Bool { raised.load(ordering: .relaxed) }

    /// Raises the flag as a signal does.
    public static func raise() { raised.store(true, ordering: .relaxed) }

    /// Lowers the flag.
    public static func reset() { raised.store(false, ordering: .relaxed) }
}
