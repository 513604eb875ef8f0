import Synchronization

/// The executor of all computation: a single thread. LibTorch's gradient mode and an OpenMP team belong to the thread that
/// starts them, so on Swift's thread pool every thread would start a team of its own.
public final class ComputeThread: SerialExecutor, @unchecked Sendable {
    // `jobs` is guarded by `condition`.
    private let condition = Platform.Condition()
    private var jobs: [UnownedJob] = []

    init() {
        Platform.startThread(stackSize: 16 << 20) { [unowned self] in loop() }
    }

    /// Queues a job; called by Swift's runtime.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        condition.withLock {
            jobs.append(job)
            condition.signal()
        }
    }

    private func loop() -> Never {
        while true {
            let job = condition.withLock {
                while jobs.isEmpty { condition.wait() }
                return jobs.removeFirst()
            }
            job.runSynchronously(on: asUnownedSerialExecutor())
        }
    }

    /// The executor that refers to this thread.
    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
}

/// The global actor of the compute thread, which runs models, trainers and decoders, with or without LibTorch.
@globalActor
public actor ComputeActor {
    /// The actor.
    public static let shared = ComputeActor()

    private static let thread = ComputeThread()

    /// Runs jobs on the compute thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { Self.thread.asUnownedSerialExecutor() }
}
