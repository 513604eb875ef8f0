internal import CTorch
import ForetokenFormats
public import ForetokenModel
public import Torch

/// A model's weights as decoding reads them, immutable: packed for the CPU's kernels, or matrices on another device.
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
    /// The heads on the way to head 1, that one last: what plain decoding runs after the trunk.
    let decidingHeads: [Int]
    let draftSource: DraftSource
    let norm: UnsafePointer<Float>
    let rotary: RotaryMemory
    private let embedding: Tensor
    private let storage: WeightStorage
    /// Where passes run if not by the kernels of the CPU.
    let device: DecodeDevice?

    /// A copy of a model's weights for decoding; see ``init(reading:format:device:isExact:usesGraphs:)``.
    ///
    /// - Throws: ``DecodingError/notOnCPU`` for a model elsewhere or in another element type,
    ///   ``DecodingError/int8NeedsCPU``, `TorchError.outOfMemory`.
    public convenience init(
        _ model: MultiTokenModel, format: WeightFormat = .f32, device: Device = .cpu, isExact: Bool = false,
        usesGraphs: Bool = false
    ) throws {
        let device = try DecodeDevice(
            device, format, for: model.configuration, isExact: isExact, usesGraphs: usesGraphs)
        try self.init(model, format: format, device: device)
    }

    /// On the device of ATen's passes, which tests put on the CPU.
    convenience init(_ model: MultiTokenModel, format: WeightFormat = .f32, device: DecodeDevice?) throws {
        guard model.device == .cpu, model.dtype == .float32 else { throw DecodingError.notOnCPU }
        try self.init(model, format: format, device: device) { $0.tensor.detached() }
    }

    /// A source's weights, packed one tensor at a time: beside the packed ones no more than one is in memory.
    ///
    /// `device`: where passes run. The CPU has kernels of its own, whose results do not depend on how many tokens a pass has.
    /// Elsewhere speculative and plain text can part at near ties of head 1's logits; `isExact` gives every pass one shape
    /// there, which costs time and lets the device's library treat all rows alike.
    ///
    /// - Throws: what the source throws, ``DecodingError/int8NeedsCPU``, `TorchError.outOfMemory`.
    public convenience init(
        reading source: any WeightSource, format: WeightFormat = .f32, device: Device = .cpu, isExact: Bool = false,
        usesGraphs: Bool = false
    ) throws {
        try self.init(
            reading: source, format: format,
            on: DecodeDevice(device, format, for: source.configuration, isExact: isExact, usesGraphs: usesGraphs))
    }

    /// On the device of ATen's passes, which checks put on the CPU.
    convenience init(reading source: any WeightSource, format: WeightFormat = .f32, on device: DecodeDevice?) throws {
        try self.init(.outline(source.configuration), format: format, device: device) {
            try source.tensor($0.name).to(.float32)
        }
    }

    /// `weights`: those of a parameter of the model, float32 on the CPU; the model itself need not have them.
    private init(
        _ model: MultiTokenModel, format: WeightFormat, device: DecodeDevice?,
        weights: @escaping (Parameter) throws -> Tensor
    ) throws {
        let configuration = model.configuration
        let storage = WeightStorage(device: device, weights)
        self.configuration = configuration
        self.format = format
        self.storage = storage
        self.device = device
        trunk = try storage.keep(model.trunk.map { try storage.block($0, format) })
        let shared = try storage.keep(storage.pack(model.unembedding, format))
        heads = try model.heads.map { head in
            let body: DecodeHead.Body =
                switch head.body {
                case .block(let block): .block(try storage.keep(storage.block(block, format)))
                case .linear(let map): .linear(try storage.keep(storage.pack(map, format)))
                }
            return DecodeHead(
                node: head.node, body: body, join: try head.join.map { try DecodeJoin($0, storage, format) },
                unembedding: head.unembedding === model.unembedding
                    ? shared : try storage.keep(storage.pack(head.unembedding, format)))
        }
        let graph = configuration.headGraph
        decidingHeads = graph.path(to: 1)
        draftSource = graph.headOneReadsOthers ? .decidingHeads : graph.isFlat ? .latent : .headOne
        norm = try storage.copy(model.norm)
        embedding = try weights(model.embedding).contiguous()
        rotary = try RotaryMemory(configuration)
        // Another device gets the whole tables.
        if device != nil { rotary.prepare(positions: configuration.context) }
        shape = try storage.keep(
            ct_k_shape(
                width: Int64(configuration.width), heads: Int64(configuration.attentionHeads),
                kv_heads: Int64(configuration.keyValueHeads), head_dim: Int64(configuration.headDimension),
                epsilon: Float(configuration.normEpsilon),
                cosine: rotary.cosine, sine: rotary.sine, positions: Int64(configuration.context),
                device: device?.handle))
    }

    /// Bytes of weights that a pass reads when it uses so many heads; 1 is next-token decoding.
    ///
    /// Drafting reads the unembedding a second time, since its rows come after the verification; once for each draft where
    /// drafts are made one after another or heads have their own.
    public func bytesRead(heads count: Int) -> Int {
        let plain =
            (0..<trunkLayers).reduce(0) { $0 + trunk[$1].byteCount }
            + decidingHeads.reduce(0) { $0 + heads[$1 - 1].byteCount } + heads[0].unembedding.pointee.byteCount
        let drafting = heads[1..<max(1, count)]
        let extra = drafting.reduce(0) { $0 + (decidingHeads.contains($1.node.head) ? 0 : $1.byteCount) }
        let isOneProduct = configuration.unembedding == .shared && configuration.headGraph.joinedTokens == 0
        return plain + extra
            + drafting.prefix(isOneProduct ? 1 : count).reduce(0) { $0 + $1.unembedding.pointee.byteCount }
    }

    /// Whether a position's logits are the same in passes of any width, so that speculative text is plain text to the bit.
    public var isExact: Bool { device?.isExact ?? true }

    var trunkLayers: Int { configuration.trunkLayers }

    /// Blocks that decide: the trunk's and those on the way to head 1.
    var decidingBlocks: Int { configuration.decidingLayers }

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

/// Which rows of a pass heads 2, 3, … draft from.
enum DraftSource {
    /// z.
    case latent
    /// Head 1's output.
    case headOne
    /// Their own outputs, since head 1 reads them.
    case decidingHeads
}

/// A head for decoding.
struct DecodeHead {
    enum Body {
        case block(UnsafePointer<ct_k_block>)
        case linear(UnsafePointer<ct_k_weight>)
    }

    let node: HeadGraph.Node
    let body: Body
    let join: DecodeJoin?
    let unembedding: UnsafePointer<ct_k_weight>

    var isBlock: Bool { if case .block = body { true } else { false } }

    /// Without the unembedding.
    var byteCount: Int {
        let own =
            switch body {
            case .block(let block): block.pointee.byteCount
            case .linear(let map): map.pointee.byteCount
            }
        return own + (join?.projection.pointee.byteCount ?? 0)
    }
}

/// How a head joins a token's embedding to its input; see `TokenJoin`.
struct DecodeJoin {
    private let hiddenNorm: UnsafePointer<Float>
    private let embeddingNorm: UnsafePointer<Float>
    private let epsilon: Float
    /// [D, 2D].
    let projection: UnsafePointer<ct_k_weight>

    init(_ join: TokenJoin, _ storage: WeightStorage, _ format: WeightFormat) throws {
        hiddenNorm = try storage.copy(join.hiddenNorm)
        embeddingNorm = try storage.copy(join.embeddingNorm)
        epsilon = Float(join.epsilon)
        projection = try storage.keep(storage.pack(join.projection, format))
    }

    /// Rows [rows, 2D] for the projection, from [rows, D] each.
    func normed(
        _ hidden: UnsafePointer<Float>, _ embedded: UnsafePointer<Float>, rows: Int, width: Int,
        into joined: UnsafeMutablePointer<Float>
    ) {
        for row in 0..<rows {
            for (half, (source, norm)) in [(hidden, hiddenNorm), (embedded, embeddingNorm)].enumerated() {
                let x = source + row * width
                let y = joined + (2 * row + half) * width
                var sum: Float = 0
                for i in 0..<width { sum += x[i] * x[i] }
                let scale = 1 / (sum / Float(width) + epsilon).squareRoot()
                for i in 0..<width { y[i] = x[i] * scale * norm[i] }
            }
        }
    }
}
