/// The element types of the safetensors format, by their names in the format (reference implementation 0.8).
public enum SafetensorsDType: String, Sendable, Equatable, CaseIterable {
    /// One byte per element, zero or one.
    case bool = "BOOL"
    /// Four-bit float (OCP microscaling), two per byte.
    case float4 = "F4"
    /// Six-bit float, two exponent bits, four per three bytes.
    case float6E2M3 = "F6_E2M3"
    /// Six-bit float, three exponent bits, four per three bytes.
    case float6E3M2 = "F6_E3M2"
    /// Unsigned byte.
    case uint8 = "U8"
    /// Signed byte.
    case int8 = "I8"
    /// Eight-bit float, five exponent bits.
    case float8E5M2 = "F8_E5M2"
    /// Eight-bit float, four exponent bits, finite.
    case float8E4M3 = "F8_E4M3"
    /// Eight-bit power of two, used as a scale.
    case float8E8M0 = "F8_E8M0"
    /// Eight-bit float, four exponent bits, without negative zero.
    case float8E4M3FNUZ = "F8_E4M3FNUZ"
    /// Eight-bit float, five exponent bits, without negative zero.
    case float8E5M2FNUZ = "F8_E5M2FNUZ"
    /// Signed 16-bit integer.
    case int16 = "I16"
    /// Unsigned 16-bit integer.
    case uint16 = "U16"
    /// IEEE half precision.
    case float16 = "F16"
    /// bfloat16.
    case bfloat16 = "BF16"
    /// Signed 32-bit integer.
    case int32 = "I32"
    /// Unsigned 32-bit integer.
    case uint32 = "U32"
    /// IEEE single precision.
    case float32 = "F32"
    /// Two IEEE singles, real and imaginary.
    case complex64 = "C64"
    /// IEEE double precision.
    case float64 = "F64"
    /// Signed 64-bit integer.
    case int64 = "I64"
    /// Unsigned 64-bit integer.
    case uint64 = "U64"

    /// Bits per element in the file.
    public var bits: Int {
        switch self {
        case .float4: 4
        case .float6E2M3, .float6E3M2: 6
        case .bool, .uint8, .int8, .float8E5M2, .float8E4M3, .float8E8M0, .float8E4M3FNUZ, .float8E5M2FNUZ: 8
        case .int16, .uint16, .float16, .bfloat16: 16
        case .int32, .uint32, .float32: 32
        case .complex64, .float64, .int64, .uint64: 64
        }
    }

    /// The size in bytes of a tensor of this type and shape. An empty shape is a scalar; a zero dimension makes a tensor empty.
    ///
    /// Nil if a dimension is negative, if the size overflows 64 bits (counting zeros as ones, since strides are computed that
    /// way), or if elements smaller than a byte do not fill the last byte.
    public func byteCount(shape: [Int]) -> Int? {
        var elements = 1
        var isEmpty = false
        for dimension in shape {
            guard dimension >= 0 else { return nil }
            isEmpty = isEmpty || dimension == 0
            let (product, overflow) = elements.multipliedReportingOverflow(by: max(dimension, 1))
            guard !overflow else { return nil }
            elements = product
        }
        let (bitCount, overflow) = elements.multipliedReportingOverflow(by: bits)
        guard !overflow else { return nil }
        if isEmpty { return 0 }
        return bitCount.isMultiple(of: 8) ? bitCount / 8 : nil
    }
}
