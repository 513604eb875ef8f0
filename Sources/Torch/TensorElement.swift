public import ForetokenFormats

/// A Swift type for the elements of a tensor.
public protocol TensorElement: BitwiseCopyable, Sendable {
    /// The corresponding tensor element type.
    static var dtype: DType { get }
}

extension Float: TensorElement {
    /// `float32`.
    public static var dtype: DType { .float32 }
}
extension Double: TensorElement {
    /// `float64`.
    public static var dtype: DType { .float64 }
}
extension Int64: TensorElement {
    /// `int64`.
    public static var dtype: DType { .int64 }
}
extension Int32: TensorElement {
    /// `int32`.
    public static var dtype: DType { .int32 }
}
extension UInt8: TensorElement {
    /// `uint8`.
    public static var dtype: DType { .uint8 }
}
extension Bool: TensorElement {
    /// `bool`.
    public static var dtype: DType { .bool }
}
