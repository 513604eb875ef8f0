public import ForetokenModel

/// A model loaded for decoding; immutable. Its `DecodeBackend` holds the weights and runs the passes.
public final class DecodeModel: Sendable {
    /// The shape.
    public let configuration: ModelConfiguration
    package let backend: any DecodeBackend
    /// The heads; index 0 is head 1.
    let heads: [HeadGraph.Node]
    /// The heads that next-token decoding runs after the trunk, head 1 last.
    let nextTokenPath: [Int]
    let draftSource: DraftSource

    /// Loads a source's weights for the CPU, packing one parameter at a time, so that at most one unpacked parameter is in
    /// memory.
    ///
    /// - Throws: errors of the source, `DecodingError.weightNotFinite(name:)`, `DecodingError.outOfMemory(_:)`.
    public convenience init(reading source: any WeightSource, format: WeightFormat = .f32) throws {
        self.init(source.configuration, backend: try CPUBackend(source, format: format))
    }

    /// Creates a model on a backend built from its weights.
    package init(_ configuration: ModelConfiguration, backend: any DecodeBackend) {
        self.configuration = configuration
        self.backend = backend
        let graph = configuration.headGraph
        heads = (1...configuration.heads).compactMap { graph[$0] }
        nextTokenPath = graph.path(to: 1)
        draftSource = graph.headOneReadsOthers ? .nextTokenPath : graph.isFlat ? .trunkOutput : .headOne
    }

    /// Storage format of the matrices.
    public var format: WeightFormat { backend.format }

    /// Weight bytes that a pass with this number of heads reads; 1 is next-token decoding.
    ///
    /// Drafting reads the unembedding a second time, since it runs after verification: once, or once per draft if drafts are
    /// made one after another or each head has its own norm or unembedding.
    public func bytesRead(heads count: Int) -> Int {
        func bytes(of head: Int) -> Int {
            let node = heads[head - 1]
            let body =
                node.body == .block ? backend.byteCount(of: .head(head)) : backend.byteCount(of: .linear(head))
            return body + (node.joined == nil ? 0 : backend.byteCount(of: .projection(head)))
        }
        let nextToken =
            (0..<trunkLayers).reduce(0) { $0 + backend.byteCount(of: .trunk($1)) }
            + nextTokenPath.reduce(0) { $0 + bytes(of: $1) } + backend.byteCount(of: .unembedding(1))
        let drafting = Array(heads[1..<max(1, count)])
        let extra = drafting.reduce(0) { $0 + (nextTokenPath.contains($1.head) ? 0 : bytes(of: $1.head)) }
        let isOneGEMM = configuration.sharesLogits && configuration.headGraph.joinedTokens == 0
        return nextToken + extra
            + drafting.prefix(isOneGEMM ? 1 : count).reduce(0) { $0 + backend.byteCount(of: .unembedding($1.head)) }
    }

    /// Whether a position's logits are bitwise the same in passes of any width, so that speculative decoding gives exactly the
    /// output of next-token decoding.
    public var isExact: Bool { backend.isExact }

    var trunkLayers: Int { configuration.trunkLayers }

    /// Number of blocks of next-token decoding: the trunk and the heads on the next-token path.
    var nextTokenBlocks: Int { configuration.nextTokenLayers }

    /// Whether a head has a cache of its own: it is a block outside the next-token path.
    func hasOwnCache(_ node: HeadGraph.Node) -> Bool { node.body == .block && !nextTokenPath.contains(node.head) }

    /// Number of layers with keys and values in a sequence that uses `count` heads.
    func cachedLayers(heads count: Int) -> Int { nextTokenBlocks + heads[1..<max(1, count)].count(where: hasOwnCache) }

    /// Writes the input rows [rows, 2D] of a head's projection: its normed input, then the normed embeddings, from [rows, D]
    /// each; see `JoinOutline`.
    func joined(
        head: Int, _ hidden: UnsafePointer<Float>, _ embedded: UnsafePointer<Float>, rows: Int,
        into joined: UnsafeMutablePointer<Float>
    ) {
        let (width, epsilon) = (configuration.width, Float(configuration.normEpsilon))
        let halves = [
            (hidden, backend.scale(of: .joinHidden(head))), (embedded, backend.scale(of: .joinEmbedding(head))),
        ]
        for row in 0..<rows {
            for (half, (source, norm)) in halves.enumerated() {
                let x = source + row * width
                let y = joined + (2 * row + half) * width
                // Summed in order, unlike the kernels' norms: the work is negligible.
                var sum: Float = 0
                for i in 0..<width { sum += x[i] * x[i] }
                let scale = 1 / (sum / Float(width) + epsilon).squareRoot()
                for i in 0..<width { y[i] = x[i] * scale * norm[i] }
            }
        }
    }
}

/// The rows of a pass that heads 2, 3, … draft from.
enum DraftSource {
    /// The trunk output z.
    case trunkOutput
    /// Head 1's output.
    case headOne
    /// Their own outputs: they are on the next-token path, so the pass has run them.
    case nextTokenPath
}
