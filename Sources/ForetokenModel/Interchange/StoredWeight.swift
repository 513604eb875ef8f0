internal import CKernels
public import ForetokenFormats

/// A weight as it is stored: the shape of the parameter, the format of its bytes, and the order of its rows.
public struct StoredWeight: Sendable, Equatable {
    /// The parameter's shape, [out, in] of a matrix.
    public let shape: [Int]
    /// How its elements are stored.
    public let format: StorageFormat
    /// Which stored row is which row of the parameter.
    public let rows: RowTransform

    /// A weight whose rows are stored in their own order unless `rows` says otherwise.
    public init(shape: [Int], format: StorageFormat, rows: RowTransform = .none) {
        (self.shape, self.format, self.rows) = (shape, format, rows)
    }

    /// Elements.
    public var count: Int { shape.reduce(1, *) }
    /// Bytes that are stored.
    public var byteCount: Int { count * format.bytesPerElement }
}

/// How the elements of a weight are stored.
public enum StorageFormat: String, Sendable, CaseIterable, CustomStringConvertible {
    /// IEEE double precision.
    case f64 = "float64"
    /// IEEE single precision.
    case f32 = "float32"
    /// IEEE half precision.
    case f16 = "float16"
    /// The upper half of a float32.
    case bf16 = "bfloat16"

    /// The format of an element type; nil where weights have no such type.
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

    /// How many of these elements are NaN or infinite.
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

/// Which stored row is which row of a parameter.
///
/// The rows of query and key projections come in two orders: Hugging Face rotates the first half of a head against its second
/// (j with j + d/2), Meta and GGUF's Llama rotate neighbours (2j with 2j + 1).
public enum RowTransform: Sendable, Equatable {
    /// Rows are stored in their own order.
    case none
    /// Stored in pairs, wanted in halves.
    case halvesFromPairs(headDimension: Int)
    /// Stored in halves, wanted in pairs.
    case pairsFromHalves(headDimension: Int)

    /// The stored row of a row.
    public func storedRow(_ row: Int) -> Int {
        switch self {
        case .none: return row
        case .halvesFromPairs(let dimension):
            let place = row % dimension
            return row - place + place % (dimension / 2) * 2 + place / (dimension / 2)
        case .pairsFromHalves(let dimension):
            let place = row % dimension
            return row - place + place % 2 * (dimension / 2) + place / 2
        }
    }
}

extension WeightSource {
    /// Calls `body` with a parameter's weights as float32, row-major in the parameter's own order. They are the mapped bytes
    /// themselves where these are float32, aligned and in order.
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

    /// Calls `body` with a parameter's weights in pieces, row-major and in order, rounded to `format`, their rows transformed
    /// once more by `rows`.
    ///
    /// - Throws: ``ConversionError/beyondRange(file:tensor:type:)`` where finite weights would not stay so.
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
