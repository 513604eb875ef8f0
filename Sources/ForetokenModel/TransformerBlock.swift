public import Torch

/// One Llama block: attention and SwiGLU, each behind an RMSNorm and added to its input. Attention may have biases and
/// norms of queries and keys.
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
    /// Biases of queries [H·d], keys and values [K·d] and of the output [D], as far as ``ModelConfiguration/attentionBias``
    /// says.
    public let queryBias, keyBias, valueBias, outputBias: Parameter?
    /// RMSNorm of each query and each key [d], if ``ModelConfiguration/queryKeyNorm``.
    public let queryNorm, keyNorm: Parameter?
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
        func bias(_ name: String, _ width: Int, if exists: Bool) throws -> Parameter? {
            exists ? try factory.bias("\(prefix).self_attn.\(name).bias", group, width) : nil
        }
        let biases = configuration.attentionBias
        queryBias = try bias("q_proj", queryWidth, if: biases != .none)
        keyBias = try bias("k_proj", keyWidth, if: biases != .none)
        valueBias = try bias("v_proj", keyWidth, if: biases != .none)
        outputBias = try bias("o_proj", width, if: biases == .all)
        func headNorm(_ name: String) throws -> Parameter? {
            guard configuration.queryKeyNorm else { return nil }
            return try factory.scale("\(prefix).self_attn.\(name).weight", group, configuration.headDimension)
        }
        queryNorm = try headNorm("q_norm")
        keyNorm = try headNorm("k_norm")
        feedForwardNorm = try factory.scale("\(prefix).post_attention_layernorm.weight", group, width)
        let gates = try stack([("mlp.gate_proj", inner), ("mlp.up_proj", inner)])
        (gate, up) = (gates[0], gates[1])
        down = try matrix("mlp.down_proj", [width, inner], 1 / Double(inner).squareRoot() / damping)
    }

    /// All parameters in the order of their making.
    public var parameters: [Parameter] {
        [attentionNorm, query, key, value, output]
            + [queryBias, keyBias, valueBias, outputBias, queryNorm, keyNorm].compactMap(\.self)
            + [feedForwardNorm, gate, up, down]
    }

    /// [B, T, D] to [B, T, D]: x + attention(norm(x)), then that + SwiGLU(norm(that)).
    public func callAsFunction(_ x: Tensor, _ context: SequenceContext) -> Tensor {
        addingAttention(x, context).addingSwiGLU(
            norm: feedForwardNorm.operand, epsilon: configuration.normEpsilon, gate: gate.operand, up: up.operand,
            down: down.operand)
    }

    /// x + attention(norm(x)): one operator for the plain Llama block, else the operators one by one.
    private func addingAttention(_ x: Tensor, _ context: SequenceContext) -> Tensor {
        let epsilon = configuration.normEpsilon
        guard configuration.attentionBias != .none || configuration.queryKeyNorm else {
            return x.addingAttention(
                norm: attentionNorm.operand, epsilon: epsilon, query: query.operand, key: key.operand,
                value: value.operand, output: output.operand, headDimension: configuration.headDimension,
                rotary: (context.rotary.cosine, context.rotary.sine), mask: context.mask)
        }
        let (batch, length) = (x.shape[0], x.shape[1])
        let projected = x.rmsNorm(
            attentionNorm.operand, epsilon: epsilon, linear: [query.operand, key.operand, value.operand])
        func heads(_ rows: Tensor, _ bias: Parameter?) -> Tensor {
            (bias.map { rows + $0.operand } ?? rows).reshaped(batch, length, -1, configuration.headDimension)
        }
        func turned(_ heads: Tensor, _ norm: Parameter?) -> Tensor {
            (norm.map { heads.rmsNorm($0.operand, epsilon: epsilon) } ?? heads)
                .rotated(cosine: context.rotary.cosine, sine: context.rotary.sine)
        }
        let attended = Tensor.attention(
            query: turned(heads(projected[0], queryBias), queryNorm),
            key: turned(heads(projected[1], keyBias), keyNorm), value: heads(projected[2], valueBias),
            mask: context.mask, causal: context.mask == nil)
        let sum = x.addingLinear(attended.reshaped(batch, length, -1), output.operand)
        return outputBias.map { sum + $0.operand } ?? sum
    }
}
