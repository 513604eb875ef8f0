import ForetokenFiles
public import ForetokenFormats
public import ForetokenModel
public import Torch

/// A shared trunk, n prediction heads, one final norm and one unembedding (paper section 2):
/// P(x_{t+i} | x_{≤t}) = softmax(unembedding(norm(head_i(trunk(x_{≤t}))))); for other kinds of heads see `HeadGraph`.
public final class MultiTokenModel {
    /// The shape.
    public let configuration: ModelConfiguration
    /// Token embedding [V, D].
    public let embedding: Parameter
    /// The shared blocks.
    public let trunk: [TransformerBlock]
    /// The heads; index 0 is head 1.
    public let heads: [PredictionHead]
    /// Final RMSNorm [D] of head 1 and, unless they have their own, of all heads.
    public let norm: Parameter
    /// Unembedding [V, D] of head 1 and, unless they have their own, of all heads; the embedding itself when tied.
    public let unembedding: Parameter
    /// All parameters, each once, in a fixed order.
    public let parameters: [Parameter]
    private var rope: RopeTensors?

    /// A model with weights drawn from a seed, or all zero to be read from a file if the seed is nil.
    ///
    /// - Throws: `ModelError.impossible(_:)`, or `TorchError.outOfMemory`.
    public init(
        _ configuration: ModelConfiguration, seed: UInt64?, dtype: DType = .float32, device: Device = .cpu
    ) throws {
        let outline = try ModelOutline(configuration)
        let factory = ParameterFactory(dtype: dtype, device: device, generator: seed.map { Generator(seed: $0) })
        let spread = 1 / Double(configuration.width).squareRoot()
        self.configuration = configuration
        embedding = try factory.matrix(outline.embedding, standardDeviation: spread)
        trunk = try outline.trunk.map { try TransformerBlock($0, configuration: configuration, factory: factory) }
        norm = try factory.scale(outline.norm)
        unembedding =
            configuration.tieEmbeddings
            ? embedding : try factory.matrix(outline.unembedding, standardDeviation: spread)
        let (sharedNorm, shared) = (norm, unembedding)
        heads = try outline.heads.map { head in
            let join = try head.join.map { try TokenJoin($0, configuration: configuration, factory: factory) }
            let body: PredictionHead.Body =
                switch head.body {
                case .block(let block):
                    .block(try TransformerBlock(block, configuration: configuration, factory: factory))
                case .linear(let map): .linear(try factory.matrix(map, standardDeviation: spread))
                }
            let unembedding =
                head.ownsUnembedding ? try factory.matrix(head.unembedding, standardDeviation: spread) : shared
            return PredictionHead(
                node: head.node, body: body, join: join,
                norm: head.ownsNorm ? try factory.scale(head.norm) : sharedNorm, unembedding: unembedding,
                ownsNorm: head.ownsNorm, ownsUnembedding: head.ownsUnembedding)
        }
        parameters =
            [embedding] + trunk.flatMap(\.parameters) + heads.flatMap(\.parameters) + [norm]
            + (configuration.tieEmbeddings ? [] : [unembedding])
    }

    /// What all heads share behind their outputs: the norm and, unless it is the embedding, the unembedding.
    var sharedByHeads: [Parameter] { [norm] + (configuration.tieEmbeddings ? [] : [unembedding]) }

    /// All parameters in the order in which a training step finishes their gradients (``SequentialObjective`` and
    /// ``FusedObjective``), those that become final together as one stage: the heads from the one farthest from the
    /// trunk, what they share, the trunk from its last block to its first, the embedding.
    public var backwardStages: [[Parameter]] {
        configuration.headGraph.nodes.reversed().map { heads[$0.head - 1].parameters }
            + [sharedByHeads] + trunk.reversed().map(\.parameters) + [[embedding]]
    }

    /// Freezes the next-token path: the embedding, the trunk, head 1, the norm and head 1's unembedding.
    public func freezeNextTokenPath() {
        for parameter in parameters where !parameter.group.isLaterHead { parameter.isFrozen = true }
    }

    /// Fills the matrices with uniform numbers of the initial weights' variance, on the device: of 1 billion parameters
    /// in a moment, where drawing from a seed takes a minute. For measurements; the numbers differ from call to call.
    package func fillForBenchmark() {
        for parameter in parameters where parameter.isMatrix {
            parameter.tensor.fillUniform(bound: (3 / Double(parameter.tensor.shape[1])).squareRoot())
        }
    }

    /// The element type of the weights.
    public var dtype: DType { embedding.tensor.dtype }

    /// The element type of activations and of the GEMMs' operands: the weights' own, or bfloat16 beside float32 weights
    /// (mixed precision as in arXiv 1710.03740). Gradients of weights, and losses, stay in the weights' type.
    public var computeType: DType {
        get { embedding.computeType }
        set { for parameter in parameters { parameter.computeType = newValue } }
    }

    /// Embeddings [B, T, D] of tokens [B, T], in ``computeType``.
    public func embedded(_ tokens: Tensor) -> Tensor { embedding.tensor.rows(at: tokens).to(computeType) }

    /// The device of the weights.
    public var device: Device { embedding.tensor.device }

    /// What attention takes of a batch of sequences. The rope tables of the last length are kept.
    public func attentionInputs(batch: Int, length: Int, documents: Tensor? = nil) -> AttentionInputs {
        let tables =
            rope.flatMap { $0.length == length ? $0 : nil }
            ?? RopeTensors(configuration: configuration, length: length, dtype: dtype, device: device)
        rope = tables
        return AttentionInputs(
            rope: tables, batch: batch, documents: configuration.documentMask ? documents : nil,
            window: configuration.slidingWindow?.size)
    }

    /// The end of a head: its output [B, T, D] to logits [B, T, V].
    public func logits(_ hidden: Tensor, head: Int = 1) -> Tensor {
        let head = heads[head - 1]
        return hidden.rmsNorm(head.norm.operand, epsilon: configuration.normEpsilon).linear(head.unembedding.operand)
    }

    /// Logits [B, T, V] of every head, head 1 first, for tokens [B, T]: the forward pass without targets. A head that
    /// joins the embedding of token t + j gives those of the first T − j positions only.
    public func allLogits(_ tokens: Tensor, documents: Tensor? = nil) -> [Tensor] {
        let (batch, length) = (tokens.shape[0], tokens.shape[1])
        let embedded = embedded(tokens)
        let all = attentionInputs(batch: batch, length: length, documents: documents)
        var outputs: [Int: Tensor] = [:]
        let z = trunk.reduce(embedded) { x, block in block(x, all) }
        for node in configuration.headGraph.nodes where node.joined ?? 0 < length {
            let known = length - (node.joined ?? 0)
            let attention =
                known == length
                ? all
                : attentionInputs(
                    batch: batch, length: known,
                    documents: documents?.narrowed(axis: 1, from: 0, count: known).contiguous())
            var input = z
            if case .head(let head) = node.input, let output = outputs[head] { input = output }
            outputs[node.head] = heads[node.head - 1](
                input.narrowed(axis: 1, from: 0, count: known),
                embedded: node.joined.map { embedded.narrowed(axis: 1, from: $0, count: known) }, attention)
        }
        return heads.compactMap { head in outputs[head.node.head].map { logits($0, head: head.node.head) } }
    }

    /// Every head's probabilities over a text's tokens at a temperature above 0, [T, V] each, row-major, head 1 first.
    @ComputeActor
    public func distributions(_ tokens: [Int32], temperature: Double) -> [[Double]] {
        withoutGradient {
            allLogits(Tensor(tokens.map(Int64.init), shape: [1, tokens.count]).to(device)).map {
                ($0 * (1 / temperature)).to(.float64).softmax(axis: 2).elements()
            }
        }
    }
}
