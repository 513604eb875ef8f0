public import ForetokenModel

/// A model's weights as decoding reads them, immutable; what runs its passes is a `DecodeBackend`.
public final class DecodeModel: Sendable {
    /// The shape.
    public let configuration: ModelConfiguration
    package let backend: any DecodeBackend
    /// The heads; index 0 is head 1.
    let heads: [HeadGraph.Node]
    /// The heads on the way to head 1, that one last: what next-token decoding runs after the trunk.
    let nextTokenPath: [Int]
    let draftSource: DraftSource

    /// A source's weights for the CPU, packed one parameter at a time: beside the packed ones no more than one is in memory.
    ///
    /// - Throws: what the source throws, `DecodingError.weightNotFinite(name:)`, `DecodingError.outOfMemory(_:)`.
    public convenience init(reading source: any WeightSource, format: WeightFormat = .f32) throws {
        self.init(source.configuration, backend: try CPUBackend(source, format: format))
    }

    /// A model on a backend that was made of its weights.
    package init(_ configuration: ModelConfiguration, backend: any DecodeBackend) {
        self.configuration = configuration
        self.backend = backend
        let graph = configuration.headGraph
        heads = (1...configuration.heads).compactMap { graph[$0] }
        nextTokenPath = graph.path(to: 1)
        draftSource = graph.headOneReadsOthers ? .nextTokenPath : graph.isFlat ? .trunkOutput : .headOne
    }

    /// How the matrices are held.
    public var format: WeightFormat { backend.format }

    /// Bytes of weights that a pass reads when it uses so many heads; 1 is next-token decoding.
    ///
    /// Drafting reads the unembedding a second time, since its rows come after the verification; once for each draft where
    /// drafts are made one after another or heads have their own.
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
        let isOneGEMM = configuration.unembedding == .shared && configuration.headGraph.joinedTokens == 0
        return nextToken + extra
            + drafting.prefix(isOneGEMM ? 1 : count).reduce(0) { $0 + backend.byteCount(of: .unembedding($1.head)) }
    }

    /// Whether a position's logits are the same in passes of any width, so that speculative text is next-token text to the bit.
    public var isExact: Bool { backend.isExact }

    var trunkLayers: Int { configuration.trunkLayers }

    /// Blocks of next-token decoding: the trunk's and those on the way to head 1.
    var nextTokenBlocks: Int { configuration.nextTokenLayers }

    /// Whether a head is a block with a cache of its own, which next-token decoding does not run.
    func hasOwnCache(_ node: HeadGraph.Node) -> Bool { node.body == .block && !nextTokenPath.contains(node.head) }

    /// Layers of keys and values of a sequence that uses `count` heads.
    func cachedLayers(heads count: Int) -> Int { nextTokenBlocks + heads[1..<max(1, count)].count(where: hasOwnCache) }

    /// Rows [rows, 2D] for a head's projection: its normed input, then the normed embeddings, from [rows, D] each; see
    /// `JoinOutline`.
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
                // In order, unlike the kernels' norms: this sum is small and stays as it is.
                var sum: Float = 0
                for i in 0..<width { sum += x[i] * x[i] }
                let scale = 1 / (sum / Float(width) + epsilon).squareRoot()
                for i in 0..<width { y[i] = x[i] * scale * norm[i] }
            }
        }
    }
}

/// Which rows of a pass heads 2, 3, … draft from.
enum DraftSource {
    /// z.
    case trunkOutput
    /// Head 1's output.
    case headOne
    /// Their own outputs, since head 1 reads them.
    case nextTokenPath
}
