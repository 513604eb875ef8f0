import Dispatch
import Synchronization

/// Runs jobs on several threads and delivers the results in the order of the jobs.
struct OrderedWork {
    /// The number of worker threads. The caller's thread creates jobs and receives results.
    let workers: Int
    /// The maximum total cost of jobs in progress; a single job may exceed it.
    let budget: Int

    private final class Slot<Output: Sendable>: @unchecked Sendable {
        let done = DispatchSemaphore(value: 0)
        let cost: Int
        /// Written before `done` is signalled and read after.
        var result: Result<Output, any Error>?
        init(cost: Int) { self.cost = cost }
    }

    /// Runs jobs until `next` returns nil.
    ///
    /// - Throws: the first error in the order of the jobs.
    func run<Job: Sendable, Output: Sendable>(
        next: () throws -> Job?, cost: (Job) -> Int, work: @escaping @Sendable (Job) throws -> Output,
        take: (Output) throws -> Void
    ) throws {
        let queue = WorkQueue(workers: workers)
        defer { queue.cancelAndWait() }
        var slots: [Slot<Output>] = []
        var waiting: Job?
        var (hasMore, costInProgress) = (true, 0)
        func takeFirst() throws {
            let slot = slots.removeFirst()
            slot.done.wait()
            costInProgress -= slot.cost
            if let result = slot.result { try take(result.get()) }
        }
        var failure: (any Error)?
        while true {
            if waiting == nil, hasMore {
                do {
                    waiting = try next()
                } catch {
                    // Thrown after the results of all earlier jobs.
                    failure = error
                }
                hasMore = waiting != nil
            }
            guard let job = waiting else { break }
            let jobCost = cost(job)
            if !slots.isEmpty, slots.count >= 4 * workers || costInProgress + jobCost > budget {
                try takeFirst()
                continue
            }
            let slot = Slot<Output>(cost: jobCost)
            slots.append(slot)
            costInProgress += jobCost
            queue.add {
                slot.result = Result { try work(job) }
                slot.done.signal()
            }
            waiting = nil
        }
        while !slots.isEmpty { try takeFirst() }
        if let failure { throw failure }
    }
}

/// Runs closures in first-in-first-out order with limited concurrency.
private final class WorkQueue: Sendable {
    private struct State {
        var waiting: [@Sendable () -> Void] = []
        var running = 0
    }

    private let workers: Int
    private let state = Mutex(State())
    private let group = DispatchGroup()

    init(workers: Int) { self.workers = workers }

    func add(_ body: @escaping @Sendable () -> Void) {
        let isToStart = state.withLock { state in
            state.waiting.append(body)
            guard state.running < workers else { return false }
            state.running += 1
            return true
        }
        guard isToStart else { return }
        DispatchQueue.global(qos: .userInitiated).async(group: group) { [self] in
            while let next = next() { next() }
        }
    }

    private func next() -> (@Sendable () -> Void)? {
        state.withLock { state in
            if state.waiting.isEmpty {
                state.running -= 1
                return nil
            }
            return state.waiting.removeFirst()
        }
    }

    /// Discards closures that have not started, and waits for the others.
    func cancelAndWait() {
        state.withLock { $0.waiting = [] }
        group.wait()
    }
}
