import ForetokenTraining
import Foundation
import Synchronization
import Torch

/// Knows which ranks are alive. Each rank counts its heartbeats up in the store, from a thread of its own, and looks whether
/// the others' go on; a rank that ends with an error leaves its words there. So a wait may last as long as the slowest rank
/// takes, and yet a killed, frozen or unreachable one is named soon.
///
/// A rank whose work hangs goes on beating. So each also tells how many collectives it has begun, of which all ranks begin the
/// same ones in the same order: whoever has waited in one for long sees who has not come to it.
///
/// @unchecked: everything that changes lies in `state`; the store locks itself.
final class PeerMonitor: @unchecked Sendable {
    private struct State {
        var failure: WorldError?
        /// What to tell the others, and whether it is told.
        var outgoing: String?
        var isTold = false
        var isClosing = false
        /// When the store last answered a whole round.
        var answered = ContinuousClock.now
        /// Since when that is known to be too long ago.
        var oldSince: ContinuousClock.Instant?
        /// When each rank's count last changed.
        var changed: [ContinuousClock.Instant]
        /// How many collectives this rank has begun, and in which of them it has waited for long.
        var begun = 0
        var awaited: Int?
        /// Those that have begun the fewest, if that is why it waits.
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
    /// How long to wait in a collective before asking who is late.
    private var longWait: Duration { min(.seconds(10), timeout) }

    /// - Parameters:
    ///   - store: a connection of the monitor's own.
    ///   - prefix: of the keys.
    ///   - placement: who this is.
    ///   - timeout: how long a rank may be silent.
    ///   - warn: takes a line about ranks that keep the others waiting.
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

    /// Throws what is known to have gone wrong.
    func check() throws(WorldError) {
        let now = ContinuousClock.now
        let (failure, isLost) = state.withLock { state in
            // A process that was frozen itself finds everything old when it wakes: what counts must stay so for a while.
            let isOld = now - state.answered > timeout
            state.oldSince = isOld ? state.oldSince ?? now : nil
            return (state.failure, state.oldSince.map { now - $0 > interval } ?? false)
        }
        if let failure { throw failure }
        if isLost { throw storeLost }
    }

    /// Why a collective failed: waits until the others' heartbeats, or their words, tell.
    func explain(_ reason: String) -> WorldError {
        let begin = ContinuousClock.now
        while ContinuousClock.now - begin < interval * 5 {
            if let failure = state.withLock({ $0.failure }) { return failure }
            Thread.sleep(forTimeInterval: 0.01)
        }
        let silent = state.withLock { state in
            // The last beat of a killed rank may have been seen after the end of its connections.
            state.answered < begin + interval * 2
                ? nil : state.changed.indices.filter { state.changed[$0] < begin + interval * 2 }
        }
        guard let silent else { return storeLost }
        let error: WorldError =
            silent.isEmpty ? .broken(reason: reason) : .lost(ranks: silent, seconds: (interval * 3).seconds)
        return tell("\(error)").map(WorldError.elsewhere) ?? error
    }

    /// Counts a collective that this rank begins: its number, from 1.
    func countCollective() -> Int {
        state.withLock { state in
            state.begun += 1
            return state.begun
        }
    }

    /// Notes in which collective this rank has waited for how long, or that it has come out of it.
    func waits(in collective: Int?, for time: Duration = .zero) {
        state.withLock { $0.awaited = time < longWait ? nil : collective }
    }

    /// Why a collective has lasted too long, which the others learn too.
    func giveUp(after time: Duration) -> WorldError {
        let error: WorldError =
            if let late = state.withLock({ $0.late }) {
                .stuck(ranks: late.ranks, begun: late.begun, seconds: time.seconds)
            } else {
                .broken(reason: "all of them are in it, and it did not end within \(Int(time.seconds)) s")
            }
        return tell("\(error)").map(WorldError.elsewhere) ?? error
    }

    /// Tells the other ranks why this one ends, and waits for that a little; the words of an earlier failure, if there are.
    @discardableResult
    func tell(_ words: String) -> String? {
        state.withLock { $0.outgoing = $0.outgoing ?? words }
        wake.signal()
        let begin = ContinuousClock.now
        while ContinuousClock.now - begin < .seconds(3) {
            let (isTold, failure) = state.withLock { ($0.isTold, $0.failure) }
            if isTold { return nil }
            if let failure { return "\(failure)" }
            Thread.sleep(forTimeInterval: 0.01)
        }
        return nil
    }

    /// Ends the heartbeats at the end of the work.
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
        var progress = (told: 0, warned: -1)
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

    private func round(_ counts: inout [Int]) throws {
        var seen = counts
        for rank in seen.indices {
            seen[rank] = try store.add(rank == placement.rank ? 1 : 0, to: "\(prefix)beat/\(rank)")
        }
        let now = ContinuousClock.now
        let silent = state.withLock { state in
            // After a time in which this rank was frozen itself, the others' begins anew.
            let wasFrozen = now - state.answered > timeout / 2
            state.answered = now
            for rank in seen.indices where wasFrozen || seen[rank] != counts[rank] { state.changed[rank] = now }
            return seen.indices.filter { now - state.changed[$0] > timeout }
        }
        counts = seen
        guard state.withLock({ $0.failure == nil && !$0.isTold }) else { return }
        if !silent.isEmpty {
            let error = WorldError.lost(ranks: silent, seconds: timeout.seconds)
            state.withLock { $0.outgoing = $0.outgoing ?? "\(error)" }
        }
        if let words = state.withLock({ $0.outgoing }) {
            if try store.claimFailure(prefix, words) {
                state.withLock { state in
                    if !silent.isEmpty { state.failure = .lost(ranks: silent, seconds: timeout.seconds) }
                    state.isTold = true
                }
                return
            }
        }
        if let words = try store.failure(prefix) {
            try store.add(1, to: prefix + "failure/seen")
            state.withLock { $0.failure = .elsewhere(words) }
        }
    }

    /// Tells how far this rank is, and looks who is behind where it has waited for long.
    private func compare(_ progress: inout (told: Int, warned: Int)) throws {
        let (begun, awaited) = state.withLock { ($0.begun, $0.awaited) }
        if begun > progress.told {
            try store.add(begun - progress.told, to: "\(prefix)begun/\(placement.rank)")
            progress.told = begun
        }
        guard let awaited else { return state.withLock { $0.late = nil } }
        let all = try (0..<placement.size).map { try store.add(0, to: "\(prefix)begun/\($0)") }
        let least = all.min() ?? awaited
        let ranks = all.indices.filter { all[$0] == least }
        state.withLock { $0.late = least < awaited ? (ranks, least) : nil }
        guard least < awaited, progress.warned < least else { return }
        progress.warned = least
        let words = "warning: " + WorldError.behind(ranks, least, longWait.seconds)
        if try store.leaveWarning(prefix, words, about: least) { warn(words) }
    }

    /// Where rank 0 serves the store, the others need it to learn why.
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
    /// Leaves the first failure's words for all to read; false if there are some already.
    func claimFailure(_ prefix: String, _ words: String) throws(TorchError) -> Bool {
        guard try add(1, to: prefix + "failure/claims") == 1 else { return false }
        try set(prefix + "failure", words)
        return true
    }

    /// Leaves a warning about those that have begun only so many collectives, for whoever shows it; false if there is one.
    func leaveWarning(_ prefix: String, _ words: String, about begun: Int) throws(TorchError) -> Bool {
        guard try add(1, to: "\(prefix)late/\(begun)") == 1 else { return false }
        try set("\(prefix)warning/\(try add(1, to: prefix + "warnings"))", words)
        return true
    }

    /// The warning of a number, from 1.
    func warning(_ prefix: String, _ number: Int) throws(TorchError) -> String? {
        try has("\(prefix)warning/\(number)") ? try get("\(prefix)warning/\(number)") : nil
    }

    /// The words of the first failure.
    func failure(_ prefix: String) throws(TorchError) -> String? {
        try has(prefix + "failure") ? try get(prefix + "failure") : nil
    }
}
