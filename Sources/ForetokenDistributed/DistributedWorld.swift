import ForetokenReport
public import ForetokenTraining
import Foundation
import Synchronization
public import Torch

/// A world of one process per rank over c10d: Gloo for scalars and CPU tensors, NCCL for GPU tensors.
public final class DistributedWorld: World {
    /// This process's rank, from 0.
    public let rank: Int
    /// The number of ranks.
    public let size: Int
    /// This process's rank among those of its host.
    public let localRank: Int
    /// See ``RankPlacement/localSize``.
    public let localSize: Int
    /// c10d's own timeout includes the time in which this process is stopped and does not name the rank at fault. It is set too
    /// long to matter; ``PeerMonitor`` and `patience` detect failures instead.
    private static let groupTimeout = Duration.seconds(7 * 86_400)
    private let patience: Duration
    private let placement: RankPlacement
    private let prefix: String
    private let store: RendezvousStore
    private let monitor: PeerMonitor
    private let numbers: ProcessGroup
    private let tensors: ProcessGroup

    /// Joins the other ranks.
    ///
    /// - Parameters:
    ///   - placement: this process's rank and the rendezvous address.
    ///   - timeout: the time to wait for all ranks to join, and afterwards the longest time without a heartbeat.
    ///   - usesGPU: whether tensors are exchanged on the GPU with index ``localRank``.
    ///   - patience: the longest time a collective may take while all ranks are alive, for example while one writes a large
    ///     checkpoint.
    ///   - warn: receives a line about ranks that have kept the others waiting for `timeout` or 10 s, whichever is shorter.
    ///     Called on any thread, in one rank only; by default the line goes to standard error.
    /// - Throws: `WorldError`.
    public init(
        _ placement: RankPlacement, timeout: Duration, usesGPU: Bool = false, patience: Duration = .seconds(1800),
        warn: (@Sendable (String) -> Void)? = nil
    ) throws {
        self.patience = patience
        (rank, size, localRank, localSize) =
            (placement.rank, placement.size, placement.localRank, placement.localSize)
        self.placement = placement
        prefix = "foretoken/\(placement.attempt)/"
        store = try Self.open(placement, timeout)
        do {
            try Self.waitForAll(placement, store, prefix, timeout)
        } catch is TorchError {
            throw WorldError.storeLost(address: "\(placement.address):\(placement.port)", holder: placement.storeHolder)
        }
        do {
            let interface = ProcessInfo.processInfo.environment["GLOO_SOCKET_IFNAME"]
            numbers = try .gloo(
                store: store, prefix: prefix + "gloo", rank: rank, size: size, interface: interface,
                address: Self.ownAddress(towards: placement.address), joining: timeout, timeout: Self.groupTimeout)
            tensors =
                usesGPU
                ? try .nccl(
                    store: store, prefix: prefix + "nccl", rank: rank, size: size, gpu: localRank,
                    timeout: Self.groupTimeout) : numbers
        } catch {
            throw WorldError.unreachable(
                address: "\(placement.address):\(placement.port)", seconds: timeout.seconds, reason: "\(error)")
        }
        let own = try RendezvousStore(
            host: placement.address, port: UInt16(placement.port), serving: false, timeout: timeout)
        monitor = PeerMonitor(
            store: own, prefix: prefix, placement: placement, timeout: timeout,
            warn: warn ?? { Terminal.offer($0) })
    }

    private static func open(_ placement: RankPlacement, _ timeout: Duration) throws(WorldError) -> RendezvousStore {
        let serves = placement.servesStore
        do {
            return try RendezvousStore(
                host: placement.address, port: UInt16(placement.port), serving: serves, timeout: timeout)
        } catch {
            let reason = "\(error)"
            if serves, reason.contains("EADDRINUSE") || reason.contains("listen") {
                throw .cannotServe(
                    port: placement.port,
                    reason: reason.contains("EADDRINUSE") ? "another program listens on it" : reason)
            }
            throw .unreachable(
                address: "\(placement.address):\(placement.port)", seconds: timeout.seconds,
                reason: reason.split(separator: "\n").first.map(String.init) ?? reason)
        }
    }

    /// Waits until every rank has joined or one has reported a failure.
    private static func waitForAll(
        _ placement: RankPlacement, _ store: RendezvousStore, _ prefix: String, _ timeout: Duration
    ) throws {
        guard try store.add(1, to: "\(prefix)here/\(placement.rank)") == 1 else {
            throw WorldError.twice(rank: placement.rank)
        }
        var missing = Array(0..<placement.size)
        let begin = ContinuousClock.now
        while true {
            missing = try missing.filter { try store.add(0, to: "\(prefix)here/\($0)") == 0 }
            if missing.isEmpty { return }
            if let message = try store.failure(prefix) { throw WorldError.elsewhere(message) }
            guard ContinuousClock.now - begin < timeout else {
                let error = WorldError.missing(ranks: missing, size: placement.size, seconds: timeout.seconds)
                _ = try store.claimFailure(prefix, "\(error)")
                // Gives the others time to read it before the store goes away.
                if placement.servesStore { Thread.sleep(forTimeInterval: 0.5) }
                throw error
            }
            Thread.sleep(forTimeInterval: 0.02)
        }
    }

    /// The local address from which packets to `host` are sent. Gloo would resolve the host's own name, which often gives an
    /// address that others cannot reach.
    static func ownAddress(towards host: String) -> String {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, "9", &hints, &list) == 0 else { return host }
        defer { freeaddrinfo(list) }
        var next = list
        while let candidate = next?.pointee {
            next = candidate.ai_next
            let descriptor = socket(candidate.ai_family, candidate.ai_socktype, 0)
            guard descriptor >= 0 else { continue }
            defer { Foundation.close(descriptor) }
            var (address, length) = (sockaddr_storage(), socklen_t(MemoryLayout<sockaddr_storage>.size))
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let isFound = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { own in
                    // Connecting a datagram socket sends no packet; it only selects the route.
                    connect(descriptor, candidate.ai_addr, candidate.ai_addrlen) == 0
                        && getsockname(descriptor, own, &length) == 0
                        && getnameinfo(own, length, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
                }
            }
            if isFound { return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self) }
        }
        return host
    }

    /// See ``World/sum(_:)``.
    public func sum(_ values: [Double]) throws -> [Double] {
        let tensor = Tensor(values)
        _ = try transfer { try numbers.sum(tensor) }.wait()
        return tensor.elements()
    }

    /// See ``World/reduce(_:to:)``.
    public func reduce(_ tensor: Tensor, to root: Int) throws -> Transfer {
        try transfer { try tensors.reduce(tensor, to: root) }
    }

    /// See ``World/broadcast(_:from:)``.
    public func broadcast(_ tensor: Tensor, from root: Int) throws -> Transfer {
        try transfer { try tensors.broadcast(tensor, from: root) }
    }

    private func transfer(_ begin: () throws -> Collective) throws -> Transfer {
        // Checked here too: a collective that completes at once never reaches the loop below, and a rank without its store could
        // not be stopped.
        try check()
        let number = monitor.countCollective()
        let collective = try explained(begin)
        return Transfer { [self] in
            // Counted in slices, so that time in which this process is stopped does not count.
            let slice = Duration.milliseconds(100)
            var waited = Duration.zero
            while try explained({ try !collective.wait(atMost: slice) }) {
                try check()
                waited += slice
                if waited > patience { throw abandoned(monitor.giveUp(after: patience)) }
                monitor.waits(in: number, for: waited)
            }
            monitor.waits(in: nil)
            return collective.finishedNanoseconds ?? monotonicNanoseconds()
        }
    }

    private func check() throws(WorldError) {
        do { try monitor.check() } catch { throw abandoned(error) }
    }

    private func explained<Result>(_ body: () throws -> Result) throws(WorldError) -> Result {
        do { return try body() } catch { throw abandoned(monitor.explain(Self.sentence(error))) }
    }

    /// c10d's message without its source location and general advice.
    private static func sentence(_ error: any Error) -> String {
        let text = "\(error)".replacing(#/\[[^\]]*\.(cc|cpp|h):\d+\] /#, with: "")
        return String(text.prefix(upTo: text.firstRange(of: ". This is typically")?.lowerBound ?? text.endIndex))
    }

    /// Marks the groups as abandoned: with a lost peer their destructors would block, so they are never released.
    private func abandoned(_ error: WorldError) -> WorldError {
        for group in [numbers, tensors] { group.isAbandoned = true }
        return error
    }

    /// Ends the work of a rank that threw an error: reports it to the other ranks unless they know already, and, if this rank
    /// serves the store, waits briefly until they have read it.
    public func end(after error: any Error) {
        switch abandoned(error as? WorldError ?? .elsewhere("rank \(rank): \(error)")) {
        case .differs, .tooManyRanks, .storeLost: return  // All ranks have thrown the same error.
        case let failure where error is WorldError: _ = failure
        case let failure: monitor.publish("\(failure)")
        }
        monitor.waitUntilSeen()
    }

    /// Waits for all ranks to finish and leaves the group.
    ///
    /// - Throws: `WorldError` if a rank has failed.
    public func close() throws {
        _ = try sum([0])
        monitor.close()
        let done = try? store.add(1, to: prefix + "done")
        // The process that serves the store leaves last.
        guard placement.servesStore, done != nil else { return }
        let begin = ContinuousClock.now
        while ContinuousClock.now - begin < .seconds(5), (try? store.add(0, to: prefix + "done")) ?? size < size {
            Thread.sleep(forTimeInterval: 0.005)
        }
    }
}
