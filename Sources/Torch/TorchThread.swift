import Foundation
import Synchronization

/// The one thread on which a program's torch work runs: gradient mode and OpenMP's team belong to a thread, so hopping
/// between those of Swift's pool would start a team on each.
public final class TorchThread: SerialExecutor, @unchecked Sendable {
    // `jobs` is touched under `condition` only.
    private let condition = NSCondition()
    private var jobs: [UnownedJob] = []

    init() {
        let thread = Thread { [unowned self] in loop() }
        thread.name = "torch"
        thread.stackSize = 16 << 20
        thread.start()
    }

    /// Queues a job; called by Swift's runtime.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        condition.lock()
        jobs.append(job)
        condition.signal()
        condition.unlock()
    }

    private func loop() -> Never {
        while true {
            condition.lock()
            while jobs.isEmpty { condition.wait() }
            let job = jobs.removeFirst()
            condition.unlock()
            job.runSynchronously(on: asUnownedSerialExecutor())
        }
    }
}

/// The global actor of the torch thread: models, trainers and decoders of a program live here.
@globalActor
public actor TorchActor {
    /// The actor.
    public static let shared = TorchActor()

    private static let thread = TorchThread()

    /// Runs jobs on the torch thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { Self.thread.asUnownedSerialExecutor() }
}
