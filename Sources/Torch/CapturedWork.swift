internal import CTorch

/// A device's work that is captured once and launched as a whole from then on: on a GPU a CUDA graph, which saves the host
/// the thousands of launches of a training step. On the CPU the work is simply run again, for tests.
///
/// The work must always read and write the same memory: its inputs are changed with ``Tensor/upload(_:file:line:)``, and what
/// it leaves stays referenced.
public final class CapturedWork {
    private var graph: ct_graph?
    private let body: () throws -> Void

    /// Captures `body`, without running it on a GPU, or keeps it where the device has no graphs.
    ///
    /// - Throws: what `body` throws; ``TorchError`` if the device refuses.
    public init(on device: Device, _ body: @escaping () throws -> Void) throws {
        self.body = body
        guard device != .cpu else { return }
        guard ct_graphs_exist(), let graph = ct_graph_new() else {
            throw TorchError.failed("this LibTorch has no CUDA graphs that Foretoken can find; leave out --cuda-graphs")
        }
        self.graph = graph
        try throwing(ct_graph_begin(graph), #fileID, #line)
        // Ended even if the body fails: a stream must not stay in capture.
        let result = Result { try body() }
        let status = ct_graph_end(graph)
        try result.get()
        try throwing(status, #fileID, #line)
    }

    deinit { graph.map { ct_graph_release($0) } }

    /// Launches it.
    public func replay() throws {
        guard let graph else { return try body() }
        try throwing(ct_graph_replay(graph), #fileID, #line)
    }
}

extension Device {
    /// Waits until a GPU has done all it was given; nothing on the CPU.
    public func synchronize() throws(TorchError) {
        LibTorch.initialized
        try throwing(ct_synchronize(handle), #fileID, #line)
    }

    /// Gives this thread a stream of its own on a GPU, since the default one cannot be captured.
    public func leaveDefaultStream() throws(TorchError) {
        LibTorch.initialized
        try throwing(ct_leave_default_stream(handle), #fileID, #line)
    }
}
