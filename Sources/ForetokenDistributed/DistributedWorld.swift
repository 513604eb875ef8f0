import ForetokenReport
public import ForetokenTraining
import Foundation
import Synchronization
public import Torch

/// Ranks in processes of their own, over c10d: Gloo for numbers and for tensors on the CPU, NCCL for those on a GPU.
public final class DistributedWorld: World {
    /// This process.
    public let rank: Int
    /// How many there are.
    public let size: Int
    /// This process among those of its host.
    public let localRank: Int
    /// See ``RankPlacement/localSize``.
    public let localSize: Int
    /// Of c10d's own, which counts the time in which this process is stopped and knows no ranks: longer than anybody's patience.
    private static let groupTimeout = Duration.seconds(7 * 86_400)
    private let patience: Duration
    private let placement: RankPlacement
    private let prefix: String
    private let store: RendezvousStore
    private let monitor: PeerMonitor
    private let numbers: ProcessGroup
    private let tensors: ProcessGroup

    /// Meets the other ranks.
    ///
    /// - Parameters:
    ///   - placement: who this is and where they meet.
    ///   - timeout: how long to wait for the others at the start, and how long a rank may then give no sign of life.
    ///   - usesGPU: whether the tensors to exchange lie on the GPU of ``localRank``.
    ///   - patience: what a collective may take as long as all ranks are alive, such as waiting for one that writes a large
    ///     checkpoint.
    ///   - warn: takes a line about ranks that have kept the others waiting for `timeout`, or 10 s if that is less, from any
    ///     thread; standard error if not given. One rank warns for all.
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
                    reason: reason.contains("EADDRINUSE") ? "another program listens there" : reason)
            }
            throw .unreachable(
                address: "\(placement.address):\(placement.port)", seconds: timeout.seconds,
                reason: reason.split(separator: "\n").first.map(String.init) ?? reason)
        }
    }

    /// Until every rank has said that it is there, or one that it failed.
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
            if let words = try store.failure(prefix) { throw WorldError.elsewhere(words) }
            guard ContinuousClock.now - begin < timeout else {
                let error = WorldError.missing(ranks: missing, size: placement.size, seconds: timeout.seconds)
                _ = try store.claimFailure(prefix, "\(error)")
                // The others read it before their store goes.
                if placement.servesStore { Thread.sleep(forTimeInterval: 0.5) }
                throw error
            }
            Thread.sleep(forTimeInterval: 0.02)
        }
    }

    /// The address of this host from which packets to another leave; Gloo would take that of the host's name, which often
    /// is none that others reach.
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
                    // Connecting a datagram socket sends nothing: it chooses the route.
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
        // Also where nothing ever waits: without their store ranks could go on, and nobody would stop them.
        try check()
        let number = monitor.countCollective()
        let collective = try explained(begin)
        return Transfer { [self] in
            // The time in which this process is stopped does not count.
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

    /// What c10d says, without the place in its source and its good wishes.
    private static func sentence(_ error: any Error) -> String {
        let text = "\(error)".replacing(#/\[[^\]]*\.(cc|cpp|h):\d+\] /#, with: "")
        return String(text.prefix(upTo: text.firstRange(of: ". This is typically")?.lowerBound ?? text.endIndex))
    }

    /// A lost peer keeps a group's destructor waiting: the groups are left to the end of the process.
    private func abandoned(_ error: WorldError) -> WorldError {
        for group in [numbers, tensors] { group.isAbandoned = true }
        return error
    }

    /// Ends the work of a rank that threw an error: tells the others why, if they cannot know, and waits a little until they
    /// have read it where this rank serves the store.
    public func end(after error: any Error) {
        switch abandoned(error as? WorldError ?? .elsewhere("rank \(rank): \(error)")) {
        case .differs, .tooManyRanks, .storeLost: return  // All ranks have the same.
        case let failure where error is WorldError: _ = failure
        case let failure: monitor.tell("\(failure)")
        }
        monitor.waitUntilSeen()
    }

    /// Ends the work when all ranks are done.
    ///
    /// - Throws: `WorldError` when one is not.
    public func close() throws {
        _ = try sum([0])
        monitor.close()
        let done = try? store.add(1, to: prefix + "done")
        // Whoever serves the store is the last to go.
        guard placement.servesStore, done != nil else { return }
        let begin = ContinuousClock.now
        while ContinuousClock.now - begin < .seconds(5), (try? store.add(0, to: prefix + "done")) ?? size < size {
            Thread.sleep(forTimeInterval: 0.005)
        }
    }
}
