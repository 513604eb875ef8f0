internal import CTorch

/// Work that is captured once and then launched as a whole: on a GPU a CUDA graph, which replaces the thousands of kernel
/// launches of a training step by one. On the CPU the closure is called again, for tests.
///
/// The work must read and write the same memory each time: change its inputs with ``Tensor/upload(_:file:line:)``, and keep
/// references to its results.
public final class CapturedWork {
    private var graph: ct_graph?
    private let body: () throws -> Void

    /// Captures `body`. On a GPU it is recorded without being executed; on the CPU it is kept for ``replay()``.
    ///
    /// - Throws: what `body` throws; ``TorchError`` if the device cannot capture.
    public init(on device: Device, _ body: @escaping () throws -> Void) throws {
        self.body = body
        guard device != .cpu else { return }
        guard ct_graphs_exist(), let graph = ct_graph_new() else {
            throw TorchError.failed("no CUDA graphs were found in this LibTorch; leave out --cuda-graphs")
        }
        self.graph = graph
        try throwing(ct_graph_begin(graph), #fileID, #line)
        // Ended even if the body fails: the stream must leave capture mode.
        let result = Result { try body() }
        let status = ct_graph_end(graph)
        try result.get()
        try throwing(status, #fileID, #line)
    }

    deinit { graph.map { ct_graph_release($0) } }

    /// Launches the work.
    ///
    /// - Throws: ``TorchError``; on the CPU what the closure throws.
    public func replay() throws {
        guard let graph else { return try body() }
        try throwing(ct_graph_replay(graph), #fileID, #line)
    }
}

extension Device {
    /// Waits until a GPU has finished all submitted work; no effect on the CPU.
    ///
    /// - Throws: ``TorchError`` for an error of the submitted work.
    public func synchronize() throws(TorchError) {
        LibTorch.initialized
        try throwing(ct_synchronize(handle), #fileID, #line)
    }

    /// Makes a stream other than the default one current for this thread, since the default stream cannot be captured. No
    /// effect on the CPU.
    ///
    /// - Throws: ``TorchError``.
    public func leaveDefaultStream() throws(TorchError) {
        LibTorch.initialized
        try throwing(ct_leave_default_stream(handle), #fileID, #line)
    }
}
