internal import CTorch
public import ForetokenFormats

/// A LibTorch tensor: a view of shared storage with a shape, an element type, a device and, optionally, a gradient.
///
/// Not Sendable: gradient recording and the OpenMP team are per thread, so all work of a model runs on one thread (see
/// `ComputeActor`). Mismatched shapes or element types trap with LibTorch's message at the caller's line.
public final class Tensor {
    /// The owned reference. Swift may release `self` right after its last use, so C calls go through ``call(_:)``.
    private let handle: ct_tensor

    init(owning handle: ct_tensor) { self.handle = handle }

    deinit { ct_release(handle) }

    /// Calls C with the handle while keeping `self` alive.
    @inline(__always)
    func call<Result>(_ body: (ct_tensor) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(self) { try body(handle) }
    }

    /// The handle, for C structures that outlive the call; the caller keeps this tensor alive.
    package var unsafeHandle: OpaquePointer { handle }

    /// The sizes of the axes, outermost first; empty for a scalar.
    public var shape: [Int] {
        call { handle in (0..<ct_rank(handle)).map { Int(ct_size(handle, $0)) } }
    }

    /// The number of axes.
    public var rank: Int { call { Int(ct_rank($0)) } }

    /// The number of elements.
    public var count: Int { shape.reduce(1, *) }

    /// The element type.
    public var dtype: DType {
        call { handle in
            guard let dtype = DType(rawValue: ct_dtype(handle)) else {
                preconditionFailure("unsupported element type \(ct_dtype(handle))")
            }
            return dtype
        }
    }

    /// The device that holds the elements.
    public var device: Device {
        let device = call { ct_tensor_device($0) }
        return device.type == CT_CUDA ? .cuda(Int(device.index)) : .cpu
    }

    /// Whether the elements are in row-major order without gaps.
    public var isContiguous: Bool { call { ct_is_contiguous($0) } }
}

/// Calls C with the handles of several tensors while keeping all of them alive.
func withHandles<Result>(_ tensors: [Tensor], _ body: (UnsafePointer<ct_tensor?>?, Int32) throws -> Result) rethrows
    -> Result
{
    try withExtendedLifetime(tensors) {
        let handles: [ct_tensor?] = tensors.map { tensor in tensor.call { $0 } }
        return try handles.withUnsafeBufferPointer { try body($0.baseAddress, Int32($0.count)) }
    }
}

/// Calls C with a shape as a pointer and a rank.
func withShape<Result>(_ shape: [Int], _ body: (UnsafePointer<Int64>?, Int32) throws -> Result) rethrows -> Result {
    try shape.map(Int64.init).withUnsafeBufferPointer { try body($0.baseAddress, Int32($0.count)) }
}
