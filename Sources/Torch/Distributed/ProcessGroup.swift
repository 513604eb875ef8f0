internal import CTorch

/// Ranks that exchange tensors: c10d's process group, over Gloo on the CPU or NCCL on CUDA.
///
/// All ranks call the same collectives in the same order.
public final class ProcessGroup {
    private let handle: ct_group

    /// Whether a lost peer makes it better to leave the group to the end of the process than to wait for it.
    public var isAbandoned = false

    private init(_ handle: ct_group) { self.handle = handle }

    deinit { if !isAbandoned { ct_group_release(handle) } }

    /// Meets the other ranks over the store; Gloo.
    ///
    /// - Parameters:
    ///   - store: shared by all ranks.
    ///   - prefix: of this group's keys there.
    ///   - rank: this process, from 0.
    ///   - size: how many there are.
    ///   - interface: the network interface to be reached at; that of `address` if nil.
    ///   - address: one of this host's own.
    ///   - joining: how long to wait for the others.
    ///   - timeout: how long a collective may take.
    /// - Throws: ``TorchError/failed(_:)`` when not all come.
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

    /// Meets the other ranks; NCCL on the GPU of an index.
    ///
    /// - Throws: ``TorchError/failed(_:)``, also where NCCL is not there.
    public static func nccl(
        store: RendezvousStore, prefix: String, rank: Int, size: Int, gpu: Int, timeout: Duration
    ) throws(TorchError) -> ProcessGroup {
        let handle = store.call {
            ct_group_nccl($0, prefix, Int32(rank), Int32(size), Int32(gpu), timeout.milliseconds)
        }
        guard let handle else { throw .failed(lastMessage()) }
        return ProcessGroup(handle)
    }

    /// Begins to replace a contiguous tensor by its sum over the ranks.
    ///
    /// - Throws: ``TorchError/failed(_:)``, as all of them do.
    public func sum(_ tensor: Tensor) throws(TorchError) -> Collective {
        try begin(tensor) { ct_all_reduce($0, $1) }
    }

    /// Begins to sum a contiguous tensor over the ranks into that of one rank; the others' elements are undefined then.
    public func reduce(_ tensor: Tensor, to root: Int) throws(TorchError) -> Collective {
        try begin(tensor) { ct_reduce($0, $1, Int32(root)) }
    }

    /// Begins to replace a contiguous tensor by that of one rank.
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

/// A collective under way. The tensor it works on is left alone until it is done.
public final class Collective {
    private let handle: ct_work
    /// When it ended, in nanoseconds of the system's monotonic clock; nil until ``wait(atMost:)`` has seen that.
    public private(set) var finishedNanoseconds: Int?

    init(_ handle: ct_work) { self.handle = handle }

    deinit { ct_work_release(handle) }

    /// Waits for the end, but not longer than that; false if it goes on.
    ///
    /// - Throws: ``TorchError/failed(_:)`` when a peer or the network is lost.
    public func wait(atMost limit: Duration) throws(TorchError) -> Bool {
        var finished: Int64 = 0
        let status = withExtendedLifetime(self) { ct_work_wait(handle, limit.milliseconds, &finished) }
        if status == CT_TIMED_OUT { return false }
        guard status == CT_OK else { throw .failed(lastMessage()) }
        finishedNanoseconds = Int(finished)
        return true
    }
}
