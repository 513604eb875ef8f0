internal import CTorch

/// A condition that a correct program can meet in LibTorch, such as a tensor too large for the memory.
///
/// Programmer's errors (shapes, element types) are not thrown: they trap with LibTorch's message and the call site.
public enum TorchError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The device has no memory left for a tensor.
    case outOfMemory(String)
    /// Any other failure at run time.
    case failed(String)
    /// CUDA was asked for and LibTorch has none, or no GPU is there.
    case noCUDA

    private static var cudaProblem: String {
        let reason = String(cString: ct_cuda_problem())
        if reason.isEmpty { return "no GPU was found" }
        // A library that libtorch_cuda.so itself needs can be missing, too.
        return reason.contains("libtorch_cuda.so: cannot open")
            ? "this LibTorch has no CUDA" : "libtorch_cuda.so: \(reason)"
    }

    /// What happened and what to do.
    public var description: String {
        switch self {
        case .outOfMemory(let message):
            "out of memory: \(message); use a smaller batch, context or model"
        case .failed(let message):
            "LibTorch: \(message)"
        case .noCUDA:
            "device 'cuda' is not available: \(Self.cudaProblem); use 'cpu'"
        }
    }
}

/// The message of the last call that failed on this thread.
func lastMessage() -> String { String(cString: ct_last_error()) }

/// Ends the program with LibTorch's message at the caller's line: the shapes or types given make no sense, or memory
/// ended in an operation that does not throw.
func trap(_ file: StaticString, _ line: UInt) -> Never {
    if ct_last_error_kind() == Int32(CT_OUT_OF_MEMORY) { LibTorch.endOutOfMemory(.outOfMemory(lastMessage())) }
    // Not preconditionFailure: optimised builds would drop its message.
    fatalError(lastMessage(), file: file, line: line)
}

/// The handle, or a trap with LibTorch's message.
func checked(_ handle: ct_tensor?, _ file: StaticString, _ line: UInt) -> Tensor {
    guard let handle else { trap(file, line) }
    return Tensor(owning: handle)
}

package func check(_ status: Int32, _ file: StaticString, _ line: UInt) {
    if status != CT_OK { trap(file, line) }
}

/// The handle, or a thrown error, for operations that fail when memory does.
func throwing(_ handle: ct_tensor?, _ file: StaticString, _ line: UInt) throws(TorchError) -> Tensor {
    if let handle { return Tensor(owning: handle) }
    throw lastError(file, line)
}

package func throwing(_ status: Int32, _ file: StaticString, _ line: UInt) throws(TorchError) {
    if status != CT_OK { throw lastError(file, line) }
}

private func lastError(_ file: StaticString, _ line: UInt) -> TorchError {
    switch ct_last_error_kind() {
    case Int32(CT_OUT_OF_MEMORY): .outOfMemory(lastMessage())
    case Int32(CT_PROGRAMMER_ERROR): trap(file, line)
    default: .failed(lastMessage())
    }
}
