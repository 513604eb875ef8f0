internal import CTorch

/// A run-time failure in LibTorch that a correct program can encounter, such as running out of memory.
///
/// Programmer errors (shapes, element types) are not thrown; they trap with LibTorch's message and the call site.
public enum TorchError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The device has not enough memory for a tensor.
    case outOfMemory(String)
    /// Any other failure at run time.
    case failed(String)
    /// CUDA was requested, but LibTorch does not support it or there is no GPU.
    case noCUDA

    private static var cudaProblem: String {
        let reason = String(cString: ct_cuda_problem())
        if reason.isEmpty { return "no GPU was found" }
        // Any other reason is a missing dependency of libtorch_cuda.so.
        return reason.contains("libtorch_cuda.so: cannot open")
            ? "this LibTorch has no CUDA" : "libtorch_cuda.so: \(reason)"
    }

    /// The error sentence, with the next step.
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

/// The message of the last failed call on this thread.
func lastMessage() -> String { String(cString: ct_last_error()) }

/// Ends the program with LibTorch's message at the caller's line, for invalid arguments or for running out of memory in an
/// operation that does not throw.
func trap(_ file: StaticString, _ line: UInt) -> Never {
    if ct_last_error_kind() == Int32(CT_OUT_OF_MEMORY) { LibTorch.endOutOfMemory(.outOfMemory(lastMessage())) }
    // Not preconditionFailure: optimised builds would drop its message.
    fatalError(lastMessage(), file: file, line: line)
}

/// Wraps the handle, or traps with LibTorch's message.
func checked(_ handle: ct_tensor?, _ file: StaticString, _ line: UInt) -> Tensor {
    guard let handle else { trap(file, line) }
    return Tensor(owning: handle)
}

/// Traps with LibTorch's message if the status is an error.
package func check(_ status: Int32, _ file: StaticString, _ line: UInt) {
    if status != CT_OK { trap(file, line) }
}

/// Wraps the handle, or throws, for operations whose failure is not always a programmer error.
func throwing(_ handle: ct_tensor?, _ file: StaticString, _ line: UInt) throws(TorchError) -> Tensor {
    if let handle { return Tensor(owning: handle) }
    throw lastError(file, line)
}

/// Throws if the status is an error, for operations whose failure is not always a programmer error.
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
