import Dispatch
import Synchronization

/// Does jobs on several threads and hands the results over in the order of the jobs, whatever the number of threads.
struct OrderedWork {
    /// Threads that work; the caller's makes the jobs and takes the results.
    let workers: Int
    /// The most that jobs under way may cost together; one alone may cost more.
    let budget: Int

    private final class Slot<Output: Sendable>: @unchecked Sendable {
        let done = DispatchSemaphore(value: 0)
        let cost: Int
        /// Written before `done` is signalled and read after.
        var result: Result<Output, any Error>?
        init(cost: Int) { self.cost = cost }
    }

    /// Runs jobs until `next` gives none.
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
        var (hasMore, underWay) = (true, 0)
        func takeFirst() throws {
            let slot = slots.removeFirst()
            slot.done.wait()
            underWay -= slot.cost
            if let result = slot.result { try take(result.get()) }
        }
        var failure: (any Error)?
        while true {
            if waiting == nil, hasMore {
                do {
                    waiting = try next()
                } catch {
                    // What comes before it in the order is still taken.
                    failure = error
                }
                hasMore = waiting != nil
            }
            guard let job = waiting else { break }
            let jobCost = cost(job)
            if !slots.isEmpty, slots.count >= 4 * workers || underWay + jobCost > budget {
                try takeFirst()
                continue
            }
            let slot = Slot<Output>(cost: jobCost)
            slots.append(slot)
            underWay += jobCost
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

/// Runs bodies in the order of their coming, some at a time.
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

    /// Forgets what has not begun, and waits for the rest.
    func cancelAndWait() {
        state.withLock { $0.waiting = [] }
        group.wait()
    }
}
