package import ForetokenPlatform
import Synchronization

/// Whether SIGINT or SIGTERM came: long work looks here, finishes its step and saves.
public enum InterruptFlag {
    private static let raised = Atomic<Bool>(false)

    /// From now on the first signal raises the flag, and the second of the kind ends the process as usual.
    public static func install() {
        for number in [SIGINT, SIGTERM] {
            signal(number) { number in
                InterruptFlag.raise()
                signal(number, SIG_DFL)
            }
        }
        // Who was started by a thread that blocks signals, as those of libdispatch do, has inherited that; a signal that came
        // until now raises the flag at once.
        var signals = signals
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    }

    /// Both signals, for the mask of a process that must not end by one before it has called ``install()``.
    package static var signals: sigset_t {
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM] { sigaddset(&signals, number) }
        return signals
    }

    /// Whether a signal came.
    public static var isRaised: Bool { raised.load(ordering: .relaxed) }

    /// Raises the flag as a signal does.
    public static func raise() { raised.store(true, ordering: .relaxed) }

    /// Lowers the flag.
    public static func reset() { raised.store(false, ordering: .relaxed) }
}
