public import Torch

/// One Llama block: attention and SwiGLU, each behind an RMSNorm and added to its input.
public final class TransformerBlock {
    /// RMSNorm before attention [D].
    public let attentionNorm: Parameter
    /// Query projection [H·d, D].
    public let query: Parameter
    /// Key projection [K·d, D].
    public let key: Parameter
    /// Value projection [K·d, D].
    public let value: Parameter
    /// Output projection of attention [D, H·d].
    public let output: Parameter
    /// RMSNorm before the feed-forward [D].
    public let feedForwardNorm: Parameter
    /// Gate projection [F, D].
    public let gate: Parameter
    /// Up projection [F, D].
    public let up: Parameter
    /// Down projection [D, F].
    public let down: Parameter

    private let configuration: ModelConfiguration

    /// - Parameters:
    ///   - prefix: the names' beginning, `model.layers.3` or `heads.2`.
    ///   - depth: blocks below it, for the scale of the output projections.
    init(
        prefix: String, group: ParameterGroup, depth: Int, configuration: ModelConfiguration, factory: ParameterFactory
    ) throws {
        let width = configuration.width
        let queryWidth = configuration.attentionHeads * configuration.headDimension
        let keyWidth = configuration.keyValueHeads * configuration.headDimension
        let inner = configuration.feedForwardWidth
        let spread = 1 / Double(width).squareRoot()
        let damping = (2 * Double(depth + 1)).squareRoot()
        func matrix(_ name: String, _ shape: [Int], _ standardDeviation: Double) throws -> Parameter {
            try factory.matrix("\(prefix).\(name).weight", group, shape, standardDeviation: standardDeviation)
        }
        // What is multiplied with the same rows lies side by side, for one product.
        func stack(_ matrices: [(name: String, rows: Int)]) throws -> [Parameter] {
            try factory.stack(
                matrices.map { ("\(prefix).\($0.name).weight", $0.rows) }, group, width: width,
                standardDeviation: spread)
        }
        self.configuration = configuration
        attentionNorm = try factory.scale("\(prefix).input_layernorm.weight", group, width)
        let projections = try stack([
            ("self_attn.q_proj", queryWidth), ("self_attn.k_proj", keyWidth), ("self_attn.v_proj", keyWidth),
        ])
        (query, key, value) = (projections[0], projections[1], projections[2])
        output = try matrix("self_attn.o_proj", [width, queryWidth], 1 / Double(queryWidth).squareRoot() / damping)
        feedForwardNorm = try factory.scale("\(prefix).post_attention_layernorm.weight", group, width)
        let gates = try stack([("mlp.gate_proj", inner), ("mlp.up_proj", inner)])
        (gate, up) = (gates[0], gates[1])
        down = try matrix("mlp.down_proj", [width, inner], 1 / Double(inner).squareRoot() / damping)
    }

    /// All parameters in the order of their making.
    public var parameters: [Parameter] {
        [attentionNorm, query, key, value, output, feedForwardNorm, gate, up, down]
    }

    /// [B, T, D] to [B, T, D]: x + attention(norm(x)), then that + SwiGLU(norm(that)).
    public func callAsFunction(_ x: Tensor, _ context: SequenceContext) -> Tensor {
        x.addingAttention(
            norm: attentionNorm.tensor, epsilon: configuration.normEpsilon, query: query.tensor, key: key.tensor,
            value: value.tensor, output: output.tensor, headDimension: configuration.headDimension,
            rotary: (context.rotary.cosine, context.rotary.sine), mask: context.mask
        ).addingSwiGLU(
            norm: feedForwardNorm.tensor, epsilon: configuration.normEpsilon, gate: gate.tensor, up: up.tensor,
            down: down.tensor)
    }
}
