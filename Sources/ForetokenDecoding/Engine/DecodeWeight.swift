internal import CTorch
import ForetokenFormats
import ForetokenModel
import Torch

/// How weights are held for decoding; sums are float32 in all formats.
public enum WeightFormat: String, Sendable, CaseIterable {
    /// As trained.
    case f32
    /// Rounded to bfloat16: half the bytes.
    case bf16
    /// Rounded to 8 bits, with a scale for each output and 256 inputs: a quarter of the bytes.
    case int8

    var code: Int32 {
        switch self {
        case .f32: Int32(CT_K_F32)
        case .bf16: Int32(CT_K_BF16)
        case .int8: Int32(CT_K_INT8)
        }
    }

    /// The element type on devices that hold tensors.
    var dtype: DType { self == .f32 ? .float32 : .bfloat16 }
}

/// Memory for packed weights, which live as long as it does: a few large pieces, since small ones would each cost a page.
final class WeightStorage {
    private static let pieceBytes = 8 << 20
    private var pieces: [Tensor] = []
    private var next: UnsafeMutableRawPointer?
    private var left = 0
    /// The weights of a parameter, float32 on the CPU.
    private let weights: (Parameter) throws -> Tensor
    private let device: DecodeDevice?

    init(device: DecodeDevice?, _ weights: @escaping (Parameter) throws -> Tensor) {
        self.device = device
        self.weights = weights
    }

    /// `bytes` of memory, 64-byte aligned.
    func take(_ bytes: Int) throws -> UnsafeMutableRawPointer {
        if bytes > left || next == nil {
            let size = max(bytes, Self.pieceBytes)
            let piece = try Tensor.zeros([size / 4], dtype: .float32)
            pieces.append(piece)
            next = UnsafeMutableRawPointer(piece.unsafeFloatPointer())
            left = size
        }
        guard let place = next else { preconditionFailure("no memory was taken") }
        next = place + bytes
        left -= bytes
        return place
    }

    /// Packs a matrix [out, in] for the CPU's kernels, or moves it to the device.
    func pack(_ parameter: Parameter, _ format: WeightFormat) throws -> ct_k_weight {
        let matrix = try weights(parameter).contiguous()
        let (out, width) = (Int64(matrix.shape[0]), Int64(matrix.shape[1]))
        if let device {
            let moved = matrix.to(format.dtype).to(device.place)
            pieces.append(moved)
            return ct_k_weight(
                data: UnsafeRawPointer(moved.unsafeHandle), scales: nil, out: out, in: width, format: format.code)
        }
        // Rounded to whole numbers, what is none would be one.
        if format == .int8, !matrix.isFinite { throw DecodingError.weightNotFinite(name: parameter.name) }
        let place = try take(Int(ct_k_packed_bytes(out, width, format.code)))
        return withExtendedLifetime(matrix) { ct_k_pack(matrix.unsafeFloatPointer(), out, width, format.code, place) }
    }

    /// Copies a vector, such as a norm's scale.
    func copy(_ parameter: Parameter) throws -> UnsafePointer<Float> {
        let vector = try weights(parameter).contiguous()
        let place = try take((vector.count * 4 + 63) / 64 * 64).assumingMemoryBound(to: Float.self)
        withExtendedLifetime(vector) { place.update(from: vector.unsafeFloatPointer(), count: vector.count) }
        return UnsafePointer(place)
    }

    /// Values at an address that stays.
    func keep<Value: BitwiseCopyable>(_ values: [Value]) throws -> UnsafePointer<Value> {
        let bytes = (values.count * MemoryLayout<Value>.stride + 63) / 64 * 64
        let place = try take(bytes).bindMemory(to: Value.self, capacity: values.count)
        place.initialize(from: values, count: values.count)
        return UnsafePointer(place)
    }

    func keep<Value: BitwiseCopyable>(_ value: Value) throws -> UnsafePointer<Value> { try keep([value]) }

    func block(_ block: TransformerBlock, _ format: WeightFormat) throws -> ct_k_block {
        ct_k_block(
            attention_norm: try copy(block.attentionNorm), query: try pack(block.query, format),
            key: try pack(block.key, format), value: try pack(block.value, format),
            output: try pack(block.output, format), query_bias: try block.queryBias.map(copy),
            key_bias: try block.keyBias.map(copy), value_bias: try block.valueBias.map(copy),
            output_bias: try block.outputBias.map(copy), query_norm: try block.queryNorm.map(copy),
            key_norm: try block.keyNorm.map(copy), feed_forward_norm: try copy(block.feedForwardNorm),
            gate: try pack(block.gate, format), up: try pack(block.up, format), down: try pack(block.down, format))
    }
}

extension Tensor {
    /// Whether a contiguous float32 tensor on the CPU holds neither NaN nor infinity.
    fileprivate var isFinite: Bool {
        withExtendedLifetime(self) {
            let bits = UnsafeRawPointer(unsafeFloatPointer()).assumingMemoryBound(to: UInt32.self)
            var largest: UInt32 = 0
            for index in 0..<count { largest = Swift.max(largest, bits[index] & 0x7FFF_FFFF) }
            return largest < 0x7F80_0000
        }
    }
}

extension ct_k_weight {
    /// Bytes that a product reads.
    var byteCount: Int { Int(ct_k_packed_bytes(out, `in`, format)) }
}

extension ct_k_block {
    var byteCount: Int {
        let width = Int(query.in)
        return [query, key, value, output, gate, up, down].reduce(2 * 4 * width) { $0 + $1.byteCount }
    }
}
