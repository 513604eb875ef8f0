import Foundation
import Synchronization

/// Threads that each grade one program after another. They are no tasks: a sandbox ends with the thread that started it.
struct WorkerPool {
    let sandbox: Sandbox
    let workers: Int

    /// Runs every job; `sink` gets the results on the caller's thread, in the order in which they end, and stops the rest
    /// by false.
    ///
    /// - Returns: whether every job was done.
    func run<Job: Sendable, Result: Sendable>(
        _ jobs: [Job], _ body: @escaping @Sendable (Job, Grader) -> Result, sink: (Int, Result) throws -> Bool
    ) throws -> Bool {
        let state = State<Result>()
        let running = max(1, min(workers, jobs.count))
        for _ in 0..<running {
            let grader = Grader(sandbox)
            Thread {
                while let index = state.next(of: jobs.count) {
                    state.give(index, body(jobs[index], grader))
                }
                state.leave()
            }.start()
        }
        // Whatever the sink throws, nobody works on behind the caller's back.
        defer { state.stop(running) }
        for done in 0..<jobs.count {
            let (index, result) = state.take()
            guard try sink(index, result) else { return done + 1 == jobs.count }
        }
        return true
    }

    private final class State<Result: Sendable>: Sendable {
        private let condition = NSCondition()
        private let contents = Mutex((next: 0, results: [(Int, Result)](), left: 0, isStopped: false))

        func next(of count: Int) -> Int? {
            contents.withLock { contents in
                guard !contents.isStopped, contents.next < count else { return nil }
                contents.next += 1
                return contents.next - 1
            }
        }

        func give(_ index: Int, _ result: Result) { change { $0.results.append((index, result)) } }
        func leave() { change { $0.left += 1 } }

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
            while contents.withLock({ $0.left }) < running { condition.wait() }
        }

        private func change(
            _ body: (inout (next: Int, results: [(Int, Result)], left: Int, isStopped: Bool)) -> Void
        ) {
            condition.lock()
            contents.withLock { body(&$0) }
            condition.broadcast()
            condition.unlock()
        }
    }
}
