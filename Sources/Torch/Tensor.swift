internal import CTorch
public import ForetokenFormats

/// A LibTorch tensor: a view of shared storage with a shape, an element type, a device and, perhaps, a gradient.
///
/// Not Sendable: gradient recording and the OpenMP team belong to a thread, so all work of one model stays on one
/// thread (see `ComputeActor`). Wrong shapes or element types trap with LibTorch's own message at the caller's line.
public final class Tensor {
    /// The owned reference. Swift may release `self` right after its last use, so C calls go through ``call(_:)``.
    private let handle: ct_tensor

    init(owning handle: ct_tensor) { self.handle = handle }

    deinit { ct_release(handle) }

    /// Calls C with the handle while `self` is certainly alive.
    @inline(__always)
    func call<Result>(_ body: (ct_tensor) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(self) { try body(handle) }
    }

    /// The handle for C that keeps it while this tensor is kept too.
    package var unsafeHandle: OpaquePointer { handle }

    /// The sizes of the axes, outermost first; empty for a scalar.
    public var shape: [Int] {
        call { handle in (0..<ct_rank(handle)).map { Int(ct_size(handle, $0)) } }
    }

    /// The number of axes.
    public var rank: Int { call { Int(ct_rank($0)) } }

    /// The number of elements.
    public var count: Int { shape.reduce(1, *) }

    /// The elements' type.
    public var dtype: DType {
        call { handle in
            guard let dtype = DType(rawValue: ct_dtype(handle)) else {
                preconditionFailure("a tensor of an element type that Foretoken does not use")
            }
            return dtype
        }
    }

    /// Where the elements lie.
    public var device: Device {
        let device = call { ct_tensor_device($0) }
        return device.type == CT_CUDA ? .cuda(Int(device.index)) : .cpu
    }

    /// Whether the elements lie in row-major order without gaps.
    public var isContiguous: Bool { call { ct_is_contiguous($0) } }
}

/// Calls C with the handles of several tensors while all of them are certainly alive.
func withHandles<Result>(_ tensors: [Tensor], _ body: (UnsafePointer<ct_tensor?>?, Int32) throws -> Result) rethrows
    -> Result
{
    try withExtendedLifetime(tensors) {
        let handles: [ct_tensor?] = tensors.map { tensor in tensor.call { $0 } }
        return try handles.withUnsafeBufferPointer { try body($0.baseAddress, Int32($0.count)) }
    }
}

/// The shape as C takes it.
func withShape<Result>(_ shape: [Int], _ body: (UnsafePointer<Int64>?, Int32) throws -> Result) rethrows -> Result {
    try shape.map(Int64.init).withUnsafeBufferPointer { try body($0.baseAddress, Int32($0.count)) }
}
