internal import CKernels
public import ForetokenFormats

/// The stored form of a weight: its shape, element format and row order.
public struct StoredWeight: Sendable, Equatable {
    /// The parameter's shape, [out, in] of a matrix.
    public let shape: [Int]
    /// The format of its elements.
    public let format: StorageFormat
    /// The permutation of its rows.
    public let rows: RowTransform

    /// Creates a description of a weight; by default its rows are not permuted.
    public init(shape: [Int], format: StorageFormat, rows: RowTransform = .none) {
        (self.shape, self.format, self.rows) = (shape, format, rows)
    }

    /// Number of elements.
    public var count: Int { shape.reduce(1, *) }
    /// Number of stored bytes.
    public var byteCount: Int { count * format.bytesPerElement }
}

/// The storage format of a weight's elements.
public enum StorageFormat: String, Sendable, CaseIterable, CustomStringConvertible {
    /// IEEE double precision.
    case f64 = "float64"
    /// IEEE single precision.
    case f32 = "float32"
    /// IEEE half precision.
    case f16 = "float16"
    /// The upper half of a float32.
    case bf16 = "bfloat16"

    /// The format of an element type; nil if it is not a weight type.
    public init?(_ dtype: DType) {
        switch dtype {
        case .float64: self = .f64
        case .float32: self = .f32
        case .float16: self = .f16
        case .bfloat16: self = .bf16
        default: return nil
        }
    }

    /// The element type.
    public var dtype: DType {
        switch self {
        case .f64: .float64
        case .f32: .float32
        case .f16: .float16
        case .bf16: .bfloat16
        }
    }

    /// Bytes of an element.
    public var bytesPerElement: Int { dtype.byteCount }
    /// The name of the element type, as PyTorch spells it.
    public var description: String { rawValue }

    fileprivate var stored: Int32 {
        switch self {
        case .f64: Int32(CK_STORED_F64)
        case .f32: Int32(CK_STORED_F32)
        case .f16: Int32(CK_STORED_F16)
        case .bf16: Int32(CK_STORED_BF16)
        }
    }

    /// Stored elements as float32.
    func floats(_ bytes: UnsafeRawBufferPointer) -> [Float] {
        let count = bytes.count / bytesPerElement
        return [Float](unsafeUninitializedCapacity: count) { floats, initialized in
            initialized = count
            guard let source = bytes.baseAddress, let target = floats.baseAddress else { return }
            ck_expand(source, stored, Int64(count), target)
        }
    }

    /// The number of elements that are NaN or infinite.
    func notFiniteCount(_ bytes: UnsafeRawBufferPointer) -> Int {
        func count<Bits: FixedWidthInteger & BitwiseCopyable>(_ type: Bits.Type, exponent: Bits) -> Int {
            var result = 0
            for offset in stride(from: 0, to: bytes.count, by: MemoryLayout<Bits>.size)
            where bytes.loadUnaligned(fromByteOffset: offset, as: Bits.self) & exponent == exponent { result += 1 }
            return result
        }
        return switch self {
        case .f64: count(UInt64.self, exponent: 0x7FF0_0000_0000_0000)
        case .f32: count(UInt32.self, exponent: 0x7F80_0000)
        case .f16: count(UInt16.self, exponent: 0x7C00)
        case .bf16: count(UInt16.self, exponent: 0x7F80)
        }
    }
}

/// A permutation of a weight's rows.
///
/// The rows of query and key projections come in two orders, by the pairs of elements that the rotary embedding combines: in
/// Hugging Face's files j and j + d/2 of a head (halves), in Meta's and GGUF's Llama 2j and 2j + 1 (pairs).
public enum RowTransform: Sendable, Equatable {
    /// The identity.
    case none
    /// From rows stored in pairs to halves.
    case halvesFromPairs(headDimension: Int)
    /// From rows stored in halves to pairs.
    case pairsFromHalves(headDimension: Int)

    /// The index of the stored row for a row of the result.
    public func storedRow(_ row: Int) -> Int {
        switch self {
        case .none: return row
        case .halvesFromPairs(let dimension):
            let index = row % dimension
            return row - index + index % (dimension / 2) * 2 + index / (dimension / 2)
        case .pairsFromHalves(let dimension):
            let index = row % dimension
            return row - index + index % 2 * (dimension / 2) + index / 2
        }
    }
}

extension WeightSource {
    /// Calls `body` with a parameter's weights as float32, row-major, with the row permutation undone. If the stored bytes are
    /// float32, aligned and in order, they are passed without a copy.
    public func withFloats<Result>(
        of parameter: String, _ body: (UnsafeBufferPointer<Float>) throws -> Result
    ) throws -> Result {
        let weight = try weight(parameter)
        return try withBytes(of: parameter) { bytes in
            let isAligned = Int(bitPattern: bytes.baseAddress) % MemoryLayout<Float>.alignment == 0
            if weight.format == .f32, weight.rows == .none, isAligned {
                return try body(bytes.bindMemory(to: Float.self))
            }
            let floats = [Float](unsafeUninitializedCapacity: weight.count) { floats, count in
                count = weight.count
                guard let source = bytes.baseAddress, let target = floats.baseAddress, count > 0 else { return }
                if weight.rows == .none {
                    return ck_expand(source, weight.format.stored, Int64(count), target)
                }
                let width = weight.shape.dropFirst().reduce(1, *)
                for row in 0..<weight.shape[0] {
                    let stored = source + weight.rows.storedRow(row) * width * weight.format.bytesPerElement
                    ck_expand(stored, weight.format.stored, Int64(width), target + row * width)
                }
            }
            return try floats.withUnsafeBufferPointer(body)
        }
    }

    /// Calls `body` with a parameter's weights in pieces, row-major and in order, rounded to `format`; `rows` permutes the
    /// parameter's rows.
    ///
    /// - Throws: ``ConversionError/beyondRange(file:tensor:type:)`` if rounding makes finite weights infinite.
    func forEachPiece(
        of parameter: String, as format: StorageFormat, rows: RowTransform = .none,
        _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let weight = try weight(parameter)
        let isOrdered = weight.rows == .none && rows == .none
        try withBytes(of: parameter) { bytes in
            if isOrdered, weight.format == format { return try body(bytes) }
            let width = weight.shape.dropFirst().reduce(1, *)
            let height = weight.shape.first ?? 1
            let rowBytes = width * weight.format.bytesPerElement
            let step = max(1, (1 << 18) / max(1, width))
            var ordered: [UInt8] = []
            var floats: [Float] = []
            var rounded: [UInt8] = []
            for start in stride(from: 0, to: height, by: step) {
                let count = min(step, height - start)
                if !isOrdered {
                    ordered.removeAll(keepingCapacity: true)
                    for row in start..<(start + count) {
                        let stored = weight.rows.storedRow(rows.storedRow(row)) * rowBytes
                        ordered.append(contentsOf: bytes[stored..<(stored + rowBytes)])
                    }
                    if weight.format == format {
                        try ordered.withUnsafeBytes(body)
                        continue
                    }
                }
                if floats.isEmpty {
                    floats = [Float](repeating: 0, count: step * width)
                    rounded = [UInt8](repeating: 0, count: step * width * format.bytesPerElement)
                }
                func convert(_ piece: UnsafeRawBufferPointer) throws {
                    guard let source = piece.baseAddress, count * width > 0 else { return }
                    try floats.withUnsafeMutableBufferPointer { floats in
                        guard let target = floats.baseAddress else { return }
                        ck_expand(source, weight.format.stored, Int64(count * width), target)
                        try rounded.withUnsafeMutableBytes { rounded in
                            ck_narrow(target, Int64(count * width), format.stored, rounded.baseAddress)
                            let result = UnsafeRawBufferPointer(
                                rebasing: rounded[..<(count * width * format.bytesPerElement)])
                            guard format.notFiniteCount(result) == weight.format.notFiniteCount(piece) else {
                                throw ConversionError.beyondRange(
                                    file: file, tensor: parameter, type: format.description)
                            }
                            try body(result)
                        }
                    }
                }
                if isOrdered {
                    try convert(
                        UnsafeRawBufferPointer(rebasing: bytes[(start * rowBytes)..<((start + count) * rowBytes)]))
                } else {
                    try ordered.withUnsafeBytes(convert)
                }
            }
        }
    }
}
