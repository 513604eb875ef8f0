internal import CKernels
public import ForetokenFormats

/// The stored form of a weight: its shape, element format and row order.
public struct StoredWeight: Sendable, Equatable {
    /// The parameter's shape, [out, in] of a matrix.
    public let shape: [Int]
    /// The format of its elements; of quantized blocks, float32, which they expand to.
    public let format: StorageFormat
    /// The permutation of its rows.
    public let rows: RowTransform
    /// The type of its quantized blocks; nil if every element is stored by itself.
    package let blocks: GGUFType?

    /// Creates a description of a weight; by default its rows are not permuted.
    public init(shape: [Int], format: StorageFormat, rows: RowTransform = .none) {
        (self.shape, self.format, self.rows, blocks) = (shape, format, rows, nil)
    }

    /// Creates a description of a weight of quantized blocks.
    package init(shape: [Int], blocks: GGUFType, rows: RowTransform = .none) {
        (self.shape, format, self.rows, self.blocks) = (shape, .f32, rows, blocks)
    }

    /// Number of elements.
    public var count: Int { shape.reduce(1, *) }
    /// Number of stored bytes.
    public var byteCount: Int { storedBytes(of: count) }
    /// Whether the stored bytes are quantized blocks, which only ``WeightSource/withFloats(of:_:)`` expands.
    public var isQuantized: Bool { blocks != nil }

    /// Stored bytes of a number of elements that fill whole blocks.
    func storedBytes(of count: Int) -> Int {
        guard let blocks else { return count * format.bytesPerElement }
        return count / blocks.blockSize * blocks.blockBytes
    }

    /// Expands `count` stored elements that fill whole blocks.
    func expand(_ bytes: UnsafeRawPointer, count: Int, into floats: UnsafeMutablePointer<Float>) {
        guard let blocks else { return ck_expand(bytes, format.stored, Int64(count), floats) }
        blocks.expand(UnsafeRawBufferPointer(start: bytes, count: storedBytes(of: count)), into: floats)
    }
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
            if weight.format == .f32, !weight.isQuantized, weight.rows == .none, isAligned {
                return try body(bytes.bindMemory(to: Float.self))
            }
            let floats = [Float](unsafeUninitializedCapacity: weight.count) { floats, count in
                count = weight.count
                guard let source = bytes.baseAddress, let target = floats.baseAddress, count > 0 else { return }
                if weight.rows == .none { return weight.expand(source, count: count, into: target) }
                let width = weight.shape.dropFirst().reduce(1, *)
                for row in 0..<weight.shape[0] {
                    let stored = source + weight.storedBytes(of: weight.rows.storedRow(row) * width)
                    weight.expand(stored, count: width, into: target + row * width)
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
        let isAsStored = weight.format == format && !weight.isQuantized
        try withBytes(of: parameter) { bytes in
            if isOrdered, isAsStored { return try body(bytes) }
            let width = weight.shape.dropFirst().reduce(1, *)
            let height = weight.shape.first ?? 1
            let rowBytes = weight.storedBytes(of: width)
            let step = max(1, (1 << 18) / max(1, width))
            var ordered: [UInt8] = []
            var rounding = Rounding(from: weight, to: format, capacity: min(step, height) * width)
            for start in stride(from: 0, to: height, by: step) {
                let count = min(step, height - start)
                func convert(_ piece: UnsafeRawBufferPointer) throws {
                    guard try rounding.round(piece, count: count * width, body) else {
                        throw ConversionError.beyondRange(file: file, tensor: parameter, type: format.description)
                    }
                }
                if isOrdered {
                    let range = (start * rowBytes)..<((start + count) * rowBytes)
                    try convert(UnsafeRawBufferPointer(rebasing: bytes[range]))
                    continue
                }
                ordered.removeAll(keepingCapacity: true)
                for row in start..<(start + count) {
                    let stored = weight.rows.storedRow(rows.storedRow(row)) * rowBytes
                    ordered.append(contentsOf: bytes[stored..<(stored + rowBytes)])
                }
                try ordered.withUnsafeBytes(isAsStored ? body : convert)
            }
        }
    }
}

extension WeightSource {
    /// Calls `body` with a parameter's rows as stored, in order, permuted by `rows`.
    func forEachStoredPiece(
        of parameter: String, rows: RowTransform, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let weight = try weight(parameter)
        try withBytes(of: parameter) { bytes in
            if weight.rows == .none, rows == .none { return try body(bytes) }
            let rowBytes = weight.storedBytes(of: weight.shape.dropFirst().reduce(1, *))
            for row in 0..<(weight.shape.first ?? 1) {
                let stored = weight.rows.storedRow(rows.storedRow(row)) * rowBytes
                try body(UnsafeRawBufferPointer(rebasing: bytes[stored..<(stored + rowBytes)]))
            }
        }
    }
}

/// Rounds pieces of a weight to another format through buffers that are used again.
private struct Rounding {
    private let weight: StoredWeight
    private let format: StorageFormat
    private var floats: [Float]
    private var rounded: [UInt8]

    init(from weight: StoredWeight, to format: StorageFormat, capacity: Int) {
        (self.weight, self.format) = (weight, format)
        floats = [Float](repeating: 0, count: capacity)
        rounded = [UInt8](repeating: 0, count: capacity * format.bytesPerElement)
    }

    /// Calls `body` with `count` stored elements, rounded; returns false instead if finite ones became infinite.
    mutating func round(
        _ piece: UnsafeRawBufferPointer, count: Int, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Bool {
        guard let source = piece.baseAddress, count > 0 else { return true }
        return try floats.withUnsafeMutableBufferPointer { floats in
            guard let target = floats.baseAddress else { return true }
            weight.expand(source, count: count, into: target)
            // Before rounding to float32 itself a double may be finite, so that stored elements are counted where there are any.
            let stored =
                weight.isQuantized
                ? UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(floats)[..<(4 * count)]) : piece
            let notFinite = weight.format.notFiniteCount(stored)
            return try rounded.withUnsafeMutableBytes { rounded in
                ck_narrow(target, Int64(count), format.stored, rounded.baseAddress)
                let result = UnsafeRawBufferPointer(rebasing: rounded[..<(count * format.bytesPerElement)])
                guard format.notFiniteCount(result) == notFinite else { return false }
                try body(result)
                return true
            }
        }
    }
}
