public import Torch

/// A shared trunk, n prediction heads, one final norm and one unembedding (paper section 2):
/// P(x_{t+i} | x_{≤t}) = softmax(unembedding(norm(head_i(trunk(x_{≤t}))))).
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
    /// Unembedding [V, D], shared by all heads; the embedding itself when tied.
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
        heads = try configuration.headGraph.nodes.map { node in
            switch node.body {
            case .block:
                // Head 1 is the next Llama layer, so that trunk and head 1 are one contiguous Llama.
                let prefix = node.head == 1 ? "model.layers.\(configuration.trunkLayers)" : "heads.\(node.head)"
                return .block(
                    try TransformerBlock(
                        prefix: prefix, group: .head(node.head), depth: configuration.trunkLayers,
                        configuration: configuration, factory: factory))
            case .linear:
                return .linear(
                    try factory.matrix(
                        "heads.\(node.head).linear.weight", .head(node.head), [width, width],
                        standardDeviation: spread))
            }
        }
        norm = try factory.scale("model.norm.weight", .unembedding, width)
        unembedding =
            configuration.tieEmbeddings
            ? embedding
            : try factory.matrix("lm_head.weight", .unembedding, [vocabulary, width], standardDeviation: spread)
        parameters =
            [embedding] + trunk.flatMap(\.parameters) + heads.flatMap(\.parameters) + [norm]
            + (configuration.tieEmbeddings ? [] : [unembedding])
    }

    /// The element type of the weights.
    public var dtype: DType { embedding.tensor.dtype }

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

    /// The trunk: tokens [B, T] (int64) to z [B, T, D].
    public func latent(_ tokens: Tensor, _ context: SequenceContext) -> Tensor {
        trunk.reduce(embedding.tensor.rows(at: tokens)) { x, block in block(x, context) }
    }

    /// The shared end of every head: [B, T, D] to logits [B, T, V].
    public func logits(_ hidden: Tensor) -> Tensor {
        hidden.rmsNorm(norm.tensor, epsilon: configuration.normEpsilon).linear(unembedding.tensor)
    }

    /// Logits [B, T, V] of every head, head 1 first, for tokens [B, T]: the plain forward pass.
    public func allLogits(_ tokens: Tensor, documents: Tensor? = nil) -> [Tensor] {
        let context = context(length: tokens.shape[1], documents: documents)
        let z = latent(tokens, context)
        return heads.map { head in logits(head(z, context)) }
    }
}
