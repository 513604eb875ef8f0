import Foundation
import Synchronization

/// Threads that grade programs in parallel. Not Swift tasks, because a sandbox is killed when the thread that started it exits.
struct WorkerPool {
    let sandbox: Sandbox
    let workers: Int

    /// Runs all jobs. `sink` receives the results on the caller's thread, in order of completion; returning false stops the
    /// remaining jobs.
    ///
    /// - Returns: whether all jobs were run.
    func run<Job: Sendable, Result: Sendable>(
        _ jobs: [Job], _ body: @escaping @Sendable (Job, Grader) -> Result, sink: (Int, Result) throws -> Bool
    ) throws -> Bool {
        let state = State<Result>()
        let running = max(1, min(workers, jobs.count))
        for _ in 0..<running {
            let grader = Grader(sandbox)
            Thread {
                while let index = state.next(of: jobs.count) {
                    state.deliver(index, body(jobs[index], grader))
                }
                state.finish()
            }.start()
        }
        // Waits for the threads, also if `sink` throws.
        defer { state.stop(running) }
        for done in 0..<jobs.count {
            let (index, result) = state.take()
            guard try sink(index, result) else { return done + 1 == jobs.count }
        }
        return true
    }

    private final class State<Result: Sendable>: Sendable {
        private let condition = NSCondition()
        private let contents = Mutex((next: 0, results: [(Int, Result)](), finished: 0, isStopped: false))

        func next(of count: Int) -> Int? {
            contents.withLock { contents in
                guard !contents.isStopped, contents.next < count else { return nil }
                contents.next += 1
                return contents.next - 1
            }
        }

        func deliver(_ index: Int, _ result: Result) { change { $0.results.append((index, result)) } }
        func finish() { change { $0.finished += 1 } }

        func take() -> (Int, Result) {
            condition.lock()
            defer { condition.unlock() }
            while true {
                if let result = contents.withLock({ $0.results.isEmpty ? nil : $0.results.removeFirst() }) {
                    return result
                }
                condition.wait()
            }
        }

        func stop(_ running: Int) {
            condition.lock()
            defer { condition.unlock() }
            contents.withLock { $0.isStopped = true }
            while contents.withLock({ $0.finished }) < running { condition.wait() }
        }

        private func change(
            _ body: (inout (next: Int, results: [(Int, Result)], finished: Int, isStopped: Bool)) -> Void
        ) {
            condition.lock()
            contents.withLock { body(&$0) }
            condition.broadcast()
            condition.unlock()
        }
    }
}
