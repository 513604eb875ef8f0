public import ForetokenFormats
public import Torch

/// A shared trunk, n prediction heads, one final norm and one unembedding (paper section 2):
/// P(x_{t+i} | x_{≤t}) = softmax(unembedding(norm(head_i(trunk(x_{≤t}))))); for other kinds of heads see ``HeadGraph``.
public final class MultiTokenModel {
    /// The shape.
    public let configuration: ModelConfiguration
    /// Token embedding [V, D].
    public let embedding: Parameter
    /// The shared blocks.
    public let trunk: [TransformerBlock]
    /// The heads; index 0 is head 1.
    public let heads: [PredictionHead]
    /// Final RMSNorm [D], shared by all heads.
    public let norm: Parameter
    /// Unembedding [V, D] of head 1 and, unless they have their own, of all heads; the embedding itself when tied.
    public let unembedding: Parameter
    /// All parameters, each once, in a fixed order.
    public let parameters: [Parameter]
    private var rotary: RotaryTensors?

    /// A model with weights drawn from a seed, or all zero to be read from a file if the seed is nil.
    ///
    /// - Throws: ``ModelError/impossible(_:)``, or `TorchError.outOfMemory`.
    public init(
        _ configuration: ModelConfiguration, seed: UInt64?, dtype: DType = .float32, device: Device = .cpu
    ) throws {
        try configuration.validate()
        let factory = ParameterFactory(dtype: dtype, device: device, generator: seed.map { Generator(seed: $0) })
        let (width, vocabulary) = (configuration.width, configuration.vocabulary)
        let spread = 1 / Double(width).squareRoot()
        self.configuration = configuration
        embedding = try factory.matrix(
            "model.embed_tokens.weight", .embedding, [vocabulary, width], standardDeviation: spread)
        trunk = try (0..<configuration.trunkLayers).map { layer in
            try TransformerBlock(
                prefix: "model.layers.\(layer)", group: .trunk, depth: layer, configuration: configuration,
                factory: factory)
        }
        norm = try factory.scale("model.norm.weight", .unembedding, width)
        unembedding =
            configuration.tieEmbeddings
            ? embedding
            : try factory.matrix("lm_head.weight", .unembedding, [vocabulary, width], standardDeviation: spread)
        let shared = unembedding
        let graph = configuration.headGraph
        heads = try (1...configuration.heads).compactMap { graph[$0] }.map { node in
            let own = "heads.\(node.head)"
            let group = ParameterGroup.head(node.head)
            let depth = configuration.trunkLayers + graph.path(to: node.head).count - 1
            // The heads on the way to head 1 are the next Llama layers, so that trunk and head 1 are one contiguous Llama.
            let prefix = graph.path(to: 1).contains(node.head) ? "model.layers.\(depth)" : own
            let join = try node.joined.map { _ in
                try TokenJoin(prefix: own, group: group, configuration: configuration, factory: factory)
            }
            let body: PredictionHead.Body =
                switch node.body {
                case .block:
                    .block(
                        try TransformerBlock(
                            prefix: prefix, group: group, depth: depth, configuration: configuration, factory: factory))
                case .linear:
                    .linear(
                        try factory.matrix("\(own).linear.weight", group, [width, width], standardDeviation: spread))
                }
            let isReplicated = configuration.unembedding == .replicated && node.head > 1
            let unembedding =
                isReplicated
                ? try factory.matrix(
                    "\(own).lm_head.weight", group, [vocabulary, width], standardDeviation: spread) : shared
            return PredictionHead(
                node: node, body: body, join: join, unembedding: unembedding, ownsUnembedding: isReplicated)
        }
        parameters =
            [embedding] + trunk.flatMap(\.parameters) + heads.flatMap(\.parameters) + [norm]
            + (configuration.tieEmbeddings ? [] : [unembedding])
    }

    /// Freezes the embedding, the trunk, head 1, the norm and head 1's unembedding: what plain decoding stands on.
    public func freezeWhatDecides() {
        for parameter in parameters {
            if case .head(let head) = parameter.group, head > 1 { continue }
            parameter.isFrozen = true
        }
    }

    /// Fills the matrices with uniform numbers of the initial weights' variance, on the device: of 1 billion parameters in a
    /// moment, where drawing from a seed takes a minute. For measurements; the numbers differ from call to call.
    package func fillForBenchmark() {
        for parameter in parameters where parameter.isMatrix {
            parameter.tensor.fillUniform(bound: (3 / Double(parameter.tensor.shape[1])).squareRoot())
        }
    }

    /// The element type of the weights.
    public var dtype: DType { embedding.tensor.dtype }

    /// The element type of activations and of the products' operands: the weights' own, or bfloat16 beside float32 weights
    /// (mixed precision as in arXiv 1710.03740). Gradients of weights, and losses, stay in the weights' type.
    public var computeType: DType {
        get { embedding.computeType }
        set { for parameter in parameters { parameter.computeType = newValue } }
    }

    /// Embeddings [B, T, D] of tokens [B, T], in ``computeType``.
    public func embedded(_ tokens: Tensor) -> Tensor { embedding.tensor.rows(at: tokens).to(computeType) }

    /// Where the weights lie.
    public var device: Device { embedding.tensor.device }

    /// What the blocks need to know of a batch; see ``SequenceContext``. The rotary tables of the last length are kept.
    public func context(length: Int, documents: Tensor? = nil) -> SequenceContext {
        let tables =
            rotary.flatMap { $0.length == length ? $0 : nil }
            ?? RotaryTensors(configuration: configuration, length: length, dtype: dtype, device: device)
        rotary = tables
        return SequenceContext(rotary: tables, documents: configuration.documentMask ? documents : nil)
    }

    /// The end of a head: its output [B, T, D] to logits [B, T, V].
    public func logits(_ hidden: Tensor, head: Int = 1) -> Tensor {
        hidden.rmsNorm(norm.operand, epsilon: configuration.normEpsilon).linear(heads[head - 1].unembedding.operand)
    }

    /// Logits [B, T, V] of every head, head 1 first, for tokens [B, T]: the plain forward pass. A head that joins the
    /// embedding of token t + j gives those of the first T − j positions only.
    public func allLogits(_ tokens: Tensor, documents: Tensor? = nil) -> [Tensor] {
        let length = tokens.shape[1]
        let embedded = embedded(tokens)
        let all = context(length: length, documents: documents)
        var outputs: [Int: Tensor] = [:]
        let z = trunk.reduce(embedded) { x, block in block(x, all) }
        for node in configuration.headGraph.nodes where node.joined ?? 0 < length {
            let known = length - (node.joined ?? 0)
            let context =
                known == length
                ? all
                : context(length: known, documents: documents?.narrowed(axis: 1, from: 0, count: known).contiguous())
            var input = z
            if case .head(let head) = node.input, let output = outputs[head] { input = output }
            outputs[node.head] = heads[node.head - 1](
                input.narrowed(axis: 1, from: 0, count: known),
                embedded: node.joined.map { embedded.narrowed(axis: 1, from: $0, count: known) }, context)
        }
        return heads.compactMap { head in outputs[head.node.head].map { logits($0, head: head.node.head) } }
    }
}
