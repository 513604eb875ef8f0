internal import CTorch

/// c10d's process group, over Gloo for CPU tensors or NCCL for CUDA tensors.
///
/// All ranks must call the same collectives in the same order.
public final class ProcessGroup {
    private let handle: ct_group

    /// If true, `deinit` does not release the group: with a lost peer that would block.
    public var isAbandoned = false

    private init(_ handle: ct_group) { self.handle = handle }

    deinit { if !isAbandoned { ct_group_release(handle) } }

    /// Joins a Gloo group through the store.
    ///
    /// - Parameters:
    ///   - store: the store shared by all ranks.
    ///   - prefix: the prefix of this group's keys in the store.
    ///   - rank: this process's rank, from 0.
    ///   - size: the number of ranks.
    ///   - interface: the network interface to listen on; that of `address` if nil.
    ///   - address: an address of this host.
    ///   - joining: the time to wait for all ranks.
    ///   - timeout: the longest time a collective may take.
    /// - Throws: ``TorchError/failed(_:)`` if not all ranks join in time.
    public static func gloo(
        store: RendezvousStore, prefix: String, rank: Int, size: Int, interface: String?, address: String,
        joining: Duration, timeout: Duration
    ) throws(TorchError) -> ProcessGroup {
        let handle = store.call {
            ct_group_gloo(
                $0, prefix, Int32(rank), Int32(size), interface, address, joining.milliseconds, timeout.milliseconds)
        }
        guard let handle else { throw .failed(lastMessage()) }
        return ProcessGroup(handle)
    }

    /// Joins an NCCL group through the store, on the GPU with index `gpu`.
    ///
    /// - Throws: ``TorchError/failed(_:)``, also if this LibTorch has no NCCL.
    public static func nccl(
        store: RendezvousStore, prefix: String, rank: Int, size: Int, gpu: Int, timeout: Duration
    ) throws(TorchError) -> ProcessGroup {
        let handle = store.call {
            ct_group_nccl($0, prefix, Int32(rank), Int32(size), Int32(gpu), timeout.milliseconds)
        }
        guard let handle else { throw .failed(lastMessage()) }
        return ProcessGroup(handle)
    }

    /// Starts an all-reduce: replaces a contiguous tensor by its sum over the ranks.
    ///
    /// - Throws: ``TorchError/failed(_:)``.
    public func sum(_ tensor: Tensor) throws(TorchError) -> Collective {
        try begin(tensor) { ct_all_reduce($0, $1) }
    }

    /// Starts a reduce: sums a contiguous tensor over the ranks into that of rank `root`; the other ranks' elements become
    /// undefined.
    ///
    /// - Throws: ``TorchError/failed(_:)``.
    public func reduce(_ tensor: Tensor, to root: Int) throws(TorchError) -> Collective {
        try begin(tensor) { ct_reduce($0, $1, Int32(root)) }
    }

    /// Starts a broadcast: replaces a contiguous tensor by that of rank `root`.
    ///
    /// - Throws: ``TorchError/failed(_:)``.
    public func broadcast(_ tensor: Tensor, from root: Int) throws(TorchError) -> Collective {
        try begin(tensor) { ct_broadcast($0, $1, Int32(root)) }
    }

    private func begin(
        _ tensor: Tensor, _ call: (ct_group, ct_tensor) -> ct_work?
    ) throws(TorchError) -> Collective {
        let work = withExtendedLifetime(self) { tensor.call { call(handle, $0) } }
        guard let work else { throw .failed(lastMessage()) }
        return Collective(work)
    }
}

/// A collective in progress. Do not access its tensor before it is complete.
public final class Collective {
    private let handle: ct_work
    /// When it completed, in nanoseconds of the system's monotonic clock; nil until ``wait(atMost:)`` has returned true.
    public private(set) var finishedNanoseconds: Int?

    init(_ handle: ct_work) { self.handle = handle }

    deinit { ct_work_release(handle) }

    /// Waits until the collective is complete, at most for `limit`. Returns false if it is still in progress.
    ///
    /// - Throws: ``TorchError/failed(_:)`` if a peer or the network is lost.
    public func wait(atMost limit: Duration) throws(TorchError) -> Bool {
        var finished: Int64 = 0
        let status = withExtendedLifetime(self) { ct_work_wait(handle, limit.milliseconds, &finished) }
        if status == CT_TIMED_OUT { return false }
        guard status == CT_OK else { throw .failed(lastMessage()) }
        finishedNanoseconds = Int(finished)
        return true
    }
}
