internal import CTorch
public import ForetokenModel
import Torch

/// A model's weights as the decode kernels read them: packed, on the CPU, immutable.
///
/// Sendable because nothing changes after `init` and the kernels only read; sessions over it still belong to one thread.
public final class DecodeModel: @unchecked Sendable {
    /// The shape.
    public let configuration: ModelConfiguration
    /// How the matrices are held.
    public let format: WeightFormat
    let shape: UnsafePointer<ct_k_shape>
    /// The trunk's blocks, ``trunkLayers`` of them.
    let trunk: UnsafePointer<ct_k_block>
    let heads: [DecodeHead]
    let unembedding: UnsafePointer<ct_k_weight>
    let norm: UnsafePointer<Float>
    private let embedding: Tensor
    private let storage: WeightStorage

    /// A packed copy of a model's weights.
    ///
    /// - Throws: ``DecodingError/notOnCPU`` for a model elsewhere or in another element type, `TorchError.outOfMemory`.
    public convenience init(_ model: MultiTokenModel, format: WeightFormat = .f32) throws {
        guard model.device == .cpu, model.dtype == .float32 else { throw DecodingError.notOnCPU }
        try self.init(model, format: format) { $0.tensor.detached() }
    }

    /// A source's weights, packed one tensor at a time: beside the packed ones no more than one is in memory.
    ///
    /// - Throws: what the source throws, `TorchError.outOfMemory`.
    public convenience init(reading source: any WeightSource, format: WeightFormat = .f32) throws {
        try self.init(.outline(source.configuration), format: format) { try source.tensor($0.name).to(.float32) }
    }

    /// `weights`: those of a parameter of the model, float32 on the CPU; the model itself need not have them.
    private init(
        _ model: MultiTokenModel, format: WeightFormat, weights: @escaping (Parameter) throws -> Tensor
    ) throws {
        let configuration = model.configuration
        let storage = WeightStorage(weights)
        self.configuration = configuration
        self.format = format
        self.storage = storage
        trunk = try storage.keep(model.trunk.map { try storage.block($0, format) })
        heads = try model.heads.map { head in
            switch head {
            case .block(let block): .block(try storage.keep(storage.block(block, format)))
            case .linear(let map): .linear(try storage.keep(storage.pack(map, format)))
            }
        }
        unembedding = try storage.keep(storage.pack(model.unembedding, format))
        norm = try storage.copy(model.norm)
        embedding = try weights(model.embedding).contiguous()
        let rotary = RotaryTable(configuration: configuration, positions: configuration.context)
        shape = try storage.keep(
            ct_k_shape(
                width: Int64(configuration.width), heads: Int64(configuration.attentionHeads),
                kv_heads: Int64(configuration.keyValueHeads), head_dim: Int64(configuration.headDimension),
                epsilon: Float(configuration.normEpsilon),
                cosine: try storage.keep(rotary.cosine.map(Float.init)),
                sine: try storage.keep(rotary.sine.map(Float.init))))
    }

    /// Bytes of weights that a pass reads when it uses so many heads; 1 is next-token decoding.
    ///
    /// Drafting reads the unembedding a second time, since its rows come after the verification.
    public func bytesRead(heads count: Int) -> Int {
        let plain =
            (0..<trunkLayers).reduce(0) { $0 + trunk[$1].byteCount } + heads[0].byteCount
            + unembedding.pointee.byteCount
        let extra = heads[1..<max(1, count)].reduce(0) { $0 + $1.byteCount }
        return plain + extra + (count > 1 ? unembedding.pointee.byteCount : 0)
    }

    var trunkLayers: Int { configuration.trunkLayers }

    /// Blocks that decide: the trunk's and head 1's, if that is one.
    var decidingBlocks: Int {
        if case .block = heads[0] { trunkLayers + 1 } else { trunkLayers }
    }

    /// Copies the embeddings of tokens to rows [tokens, D].
    func embed(_ tokens: some Collection<Int32>, into rows: UnsafeMutablePointer<Float>) {
        let width = configuration.width
        withExtendedLifetime(embedding) {
            let table = embedding.unsafeFloatPointer()
            for (row, token) in tokens.enumerated() {
                (rows + row * width).update(from: table + Int(token) * width, count: width)
            }
        }
    }
}

/// A head for decoding.
enum DecodeHead {
    case block(UnsafePointer<ct_k_block>)
    case linear(UnsafePointer<ct_k_weight>)

    var byteCount: Int {
        switch self {
        case .block(let block): block.pointee.byteCount
        case .linear(let map): map.pointee.byteCount
        }
    }
}
