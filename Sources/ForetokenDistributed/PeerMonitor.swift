import ForetokenTraining
import Foundation
import Synchronization
import Torch

/// Monitors which ranks are alive.
///
/// Each rank increments a heartbeat counter in the store from a background thread and watches the counters of the others; a rank
/// that fails leaves its error message in the store. A collective may therefore wait for the slowest rank without a short
/// timeout, while a killed, frozen or unreachable rank is detected and named within `timeout`.
///
/// A rank whose training thread hangs keeps sending heartbeats. So each rank also publishes the number of collectives it has
/// started. All ranks start the same collectives in the same order, so a rank that has waited long can tell which ones are
/// behind.
///
/// `@unchecked Sendable`: all mutable state is in `state`; the store has its own lock.
final class PeerMonitor: @unchecked Sendable {
    private struct State {
        var failure: WorldError?
        /// The message to publish, and whether it has been published.
        var outgoing: String?
        var isPublished = false
        var isClosing = false
        /// When the store last answered a complete round of heartbeats.
        var answered = ContinuousClock.now
        /// When `answered` was first found to be older than the timeout.
        var staleSince: ContinuousClock.Instant?
        /// When each rank's heartbeat counter last changed.
        var changed: [ContinuousClock.Instant]
        /// The number of collectives this rank has started.
        var begun = 0
        /// The collective in which this rank has waited for longer than `longWait`.
        var awaited: Int?
        /// The ranks that have started the fewest collectives, if this rank waits for them.
        var late: (ranks: [Int], begun: Int)?
    }

    private let state: Mutex<State>
    private let wake = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)
    private let store: RendezvousStore
    private let prefix: String
    private let placement: RankPlacement
    private let timeout: Duration
    private let interval: Duration
    private let warn: @Sendable (String) -> Void
    /// The time in a collective after which late ranks are looked up.
    private var longWait: Duration { min(.seconds(10), timeout) }

    /// - Parameters:
    ///   - store: a connection used by the monitor only.
    ///   - prefix: the prefix of the keys in the store.
    ///   - placement: this process's rank.
    ///   - timeout: the longest time without a heartbeat.
    ///   - warn: receives a line about ranks that keep the others waiting.
    init(
        store: RendezvousStore, prefix: String, placement: RankPlacement, timeout: Duration,
        warn: @escaping @Sendable (String) -> Void
    ) {
        self.store = store
        self.prefix = prefix
        self.placement = placement
        self.timeout = timeout
        self.warn = warn
        interval = min(.milliseconds(500), timeout / 4)
        state = Mutex(State(changed: .init(repeating: .now, count: placement.size)))
        Thread(block: watch).start()
    }

    /// Throws the failure of a rank or of the store, if one is known.
    func check() throws(WorldError) {
        let now = ContinuousClock.now
        let (failure, isLost) = state.withLock { state in
            // After this process was frozen itself, `answered` is stale at first; only a lasting silence means a lost store.
            let isStale = now - state.answered > timeout
            state.staleSince = isStale ? state.staleSince ?? now : nil
            return (state.failure, state.staleSince.map { now - $0 > interval } ?? false)
        }
        if let failure { throw failure }
        if isLost { throw storeLost }
    }

    /// Finds the cause of a failed collective: waits for an error message of another rank, or for missing heartbeats.
    func explain(_ reason: String) -> WorldError {
        let begin = ContinuousClock.now
        while ContinuousClock.now - begin < interval * 5 {
            if let failure = state.withLock({ $0.failure }) { return failure }
            Thread.sleep(forTimeInterval: 0.01)
        }
        let silent = state.withLock { state in
            // The last heartbeat of a killed rank may be seen after its connections were closed.
            state.answered < begin + interval * 2
                ? nil : state.changed.indices.filter { state.changed[$0] < begin + interval * 2 }
        }
        guard let silent else { return storeLost }
        let error: WorldError =
            silent.isEmpty ? .broken(reason: reason) : .lost(ranks: silent, seconds: (interval * 3).seconds)
        return publish("\(error)").map(WorldError.elsewhere) ?? error
    }

    /// Counts a collective that this rank starts. Returns its number, from 1.
    func countCollective() -> Int {
        state.withLock { state in
            state.begun += 1
            return state.begun
        }
    }

    /// Records how long this rank has waited in a collective; nil once it is complete.
    func waits(in collective: Int?, for time: Duration = .zero) {
        state.withLock { $0.awaited = time < longWait ? nil : collective }
    }

    /// The error for a collective that took too long; also published to the other ranks.
    func giveUp(after time: Duration) -> WorldError {
        let error: WorldError =
            if let late = state.withLock({ $0.late }) {
                .stuck(ranks: late.ranks, begun: late.begun, seconds: time.seconds)
            } else {
                .broken(reason: "all ranks have started it, and it did not complete within \(Int(time.seconds)) s")
            }
        return publish("\(error)").map(WorldError.elsewhere) ?? error
    }

    /// Publishes this rank's error message to the other ranks, waiting up to 3 s for that. Returns the message of an earlier
    /// failure, if there was one.
    @discardableResult
    func publish(_ message: String) -> String? {
        state.withLock { $0.outgoing = $0.outgoing ?? message }
        wake.signal()
        let begin = ContinuousClock.now
        while ContinuousClock.now - begin < .seconds(3) {
            let (isPublished, failure) = state.withLock { ($0.isPublished, $0.failure) }
            if isPublished { return nil }
            if let failure { return "\(failure)" }
            Thread.sleep(forTimeInterval: 0.01)
        }
        return nil
    }

    /// Stops the heartbeats.
    func close() {
        state.withLock { $0.isClosing = true }
        wake.signal()
        _ = ended.wait(timeout: .now() + 1)
    }

    private var storeLost: WorldError {
        .storeLost(
            address: "\(placement.address):\(placement.port)",
            holder: placement.storeHolder)
    }

    private func watch() {
        defer { ended.signal() }
        var counts = [Int](repeating: -1, count: placement.size)
        var progress = (published: 0, warned: -1)
        while !state.withLock({ $0.isClosing }) {
            do {
                try round(&counts)
                try compare(&progress)
            } catch {
                state.withLock { if !$0.isClosing, $0.failure == nil { $0.failure = storeLost } }
                return
            }
            _ = wake.wait(timeout: .now() + interval.seconds)
        }
    }

    /// Sends a heartbeat, reads those of the others, and exchanges failures.
    private func round(_ counts: inout [Int]) throws {
        var seen = counts
        for rank in seen.indices {
            seen[rank] = try store.add(rank == placement.rank ? 1 : 0, to: "\(prefix)beat/\(rank)")
        }
        let now = ContinuousClock.now
        let silent = state.withLock { state in
            // If this rank was frozen itself, the silence of the others is counted from now.
            let wasFrozen = now - state.answered > timeout / 2
            state.answered = now
            for rank in seen.indices where wasFrozen || seen[rank] != counts[rank] { state.changed[rank] = now }
            return seen.indices.filter { now - state.changed[$0] > timeout }
        }
        counts = seen
        guard state.withLock({ $0.failure == nil && !$0.isPublished }) else { return }
        if !silent.isEmpty {
            let error = WorldError.lost(ranks: silent, seconds: timeout.seconds)
            state.withLock { $0.outgoing = $0.outgoing ?? "\(error)" }
        }
        if let message = state.withLock({ $0.outgoing }) {
            if try store.claimFailure(prefix, message) {
                state.withLock { state in
                    if !silent.isEmpty { state.failure = .lost(ranks: silent, seconds: timeout.seconds) }
                    state.isPublished = true
                }
                return
            }
        }
        if let message = try store.failure(prefix) {
            try store.add(1, to: prefix + "failure/seen")
            state.withLock { $0.failure = .elsewhere(message) }
        }
    }

    /// Publishes the number of collectives this rank has started and, after a long wait, finds the ranks that are behind.
    private func compare(_ progress: inout (published: Int, warned: Int)) throws {
        let (begun, awaited) = state.withLock { ($0.begun, $0.awaited) }
        if begun > progress.published {
            try store.add(begun - progress.published, to: "\(prefix)begun/\(placement.rank)")
            progress.published = begun
        }
        guard let awaited else { return state.withLock { $0.late = nil } }
        let all = try (0..<placement.size).map { try store.add(0, to: "\(prefix)begun/\($0)") }
        let least = all.min() ?? awaited
        let ranks = all.indices.filter { all[$0] == least }
        state.withLock { $0.late = least < awaited ? (ranks, least) : nil }
        guard least < awaited, progress.warned < least else { return }
        progress.warned = least
        let message = "warning: " + WorldError.behind(ranks, least, longWait.seconds)
        if try store.leaveWarning(prefix, message, about: least) { warn(message) }
    }

    /// If this rank serves the store, waits up to 3 s until the others have read the failure from it.
    func waitUntilSeen() {
        guard placement.servesStore else { return }
        let begin = ContinuousClock.now
        while ContinuousClock.now - begin < .seconds(3),
            (try? store.add(0, to: prefix + "failure/seen")) ?? .max < placement.size - 1
        {
            Thread.sleep(forTimeInterval: 0.02)
        }
    }
}

extension RendezvousStore {
    /// Stores the message of the first failure. Returns false if there is one already.
    func claimFailure(_ prefix: String, _ message: String) throws(TorchError) -> Bool {
        guard try add(1, to: prefix + "failure/claims") == 1 else { return false }
        try set(prefix + "failure", message)
        return true
    }

    /// Stores a warning about ranks that have started only `begun` collectives, for the launcher to print. Returns false if
    /// another rank has stored it.
    func leaveWarning(_ prefix: String, _ message: String, about begun: Int) throws(TorchError) -> Bool {
        guard try add(1, to: "\(prefix)late/\(begun)") == 1 else { return false }
        try set("\(prefix)warning/\(try add(1, to: prefix + "warnings"))", message)
        return true
    }

    /// The warning with this number, from 1.
    func warning(_ prefix: String, _ number: Int) throws(TorchError) -> String? {
        try has("\(prefix)warning/\(number)") ? try get("\(prefix)warning/\(number)") : nil
    }

    /// The message of the first failure.
    func failure(_ prefix: String) throws(TorchError) -> String? {
        try has(prefix + "failure") ? try get(prefix + "failure") : nil
    }
}
