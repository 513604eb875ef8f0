import Synchronization

/// The one thread on which a program computes: LibTorch's gradient mode and a team of kernel threads belong to the thread that
/// starts them, so hopping between those of Swift's pool would start a team on each.
public final class ComputeThread: SerialExecutor, @unchecked Sendable {
    // `jobs` is touched under `condition` only.
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

/// The global actor of the compute thread: models, trainers and decoders of a program live here, with LibTorch or without.
@globalActor
public actor ComputeActor {
    /// The actor.
    public static let shared = ComputeActor()

    private static let thread = ComputeThread()

    /// Runs jobs on the compute thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { Self.thread.asUnownedSerialExecutor() }
}
