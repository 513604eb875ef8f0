/// A tensor's element type; raw values are PyTorch's (`c10::ScalarType`).
public enum DType: Int32, Sendable, CaseIterable, CustomStringConvertible {
    /// Unsigned byte.
    case uint8 = 0
    /// Signed byte.
    case int8 = 1
    /// 16-bit signed integer.
    case int16 = 2
    /// 32-bit signed integer.
    case int32 = 3
    /// 64-bit signed integer: indices and targets.
    case int64 = 4
    /// IEEE half precision.
    case float16 = 5
    /// Single precision: weights and activations.
    case float32 = 6
    /// Double precision: gradient checks.
    case float64 = 7
    /// Booleans: masks.
    case bool = 11
    /// The upper half of a float32.
    case bfloat16 = 15

    /// Bytes of one element.
    public var byteCount: Int {
        switch self {
        case .uint8, .int8, .bool: 1
        case .int16, .float16, .bfloat16: 2
        case .int32, .float32: 4
        case .int64, .float64: 8
        }
    }

    /// The name in lower case, as PyTorch spells it.
    public var description: String {
        switch self {
        case .uint8: "uint8"
        case .int8: "int8"
        case .int16: "int16"
        case .int32: "int32"
        case .int64: "int64"
        case .float16: "float16"
        case .float32: "float32"
        case .float64: "float64"
        case .bool: "bool"
        case .bfloat16: "bfloat16"
        }
    }
}
