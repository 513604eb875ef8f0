internal import CTorch
public import ForetokenFormats

extension Tensor {
    /// The same elements with another shape; one size may be -1. A view where the layout allows.
    public func reshaped(_ shape: Int..., file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        reshaped(to: shape, file: file, line: line)
    }

    /// The same elements with another shape; one size may be -1. A view where the layout allows.
    public func reshaped(to shape: [Int], file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        checked(call { handle in withShape(shape) { ct_reshape(handle, $0, $1) } }, file, line)
    }

    /// A view with two axes swapped.
    public func transposed(_ first: Int, _ second: Int, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        checked(call { ct_transpose($0, Int64(first), Int64(second)) }, file, line)
    }

    /// A view of a range of an axis.
    public func narrowed(
        axis: Int, from start: Int, count: Int, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        checked(call { ct_narrow($0, Int64(axis), Int64(start), Int64(count)) }, file, line)
    }

    /// Concatenates tensors along an axis.
    public static func concatenating(
        _ tensors: [Tensor], axis: Int, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        checked(withHandles(tensors) { ct_cat($0, $1, Int64(axis)) }, file, line)
    }

    /// The entries of an axis at the given int64 indices.
    public func selecting(
        _ indices: Tensor, axis: Int, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        binary(indices, file, line) { ct_index_select($0, Int64(axis), $1) }
    }

    /// The tensor itself if it is contiguous, otherwise a copy in row-major order.
    public func contiguous(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        checked(call { ct_contiguous($0) }, file, line)
    }

    /// A copy with storage of its own.
    public func copied(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        checked(call { ct_clone($0) }, file, line)
    }

    /// The tensor converted to an element type; the tensor itself if it has that type.
    public func to(_ dtype: DType, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        checked(call { ct_to_dtype($0, dtype.rawValue) }, file, line)
    }

    /// The tensor copied to a device; the tensor itself if it is on that device.
    public func to(_ device: Device, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        checked(call { ct_to_device($0, device.handle) }, file, line)
    }
}
