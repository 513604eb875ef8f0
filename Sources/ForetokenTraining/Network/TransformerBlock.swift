import ForetokenModel
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
    /// Biases of queries [H·d], keys and values [K·d] and of the output [D], as far as
    /// `ModelConfiguration.attentionBias` says.
    public let queryBias, keyBias, valueBias, outputBias: Parameter?
    /// RMSNorm of each query and each key [d], if `ModelConfiguration.queryKeyNorm`.
    public let queryNorm, keyNorm: Parameter?
    /// RMSNorm before the feed-forward [D].
    public let feedForwardNorm: Parameter
    /// Gate projection [F, D].
    public let gate: Parameter
    /// Up projection [F, D].
    public let up: Parameter
    /// Down projection [D, F].
    public let down: Parameter
    /// Biases of gate and up [F] and of down [D], if `ModelConfiguration.feedForwardBias`.
    public let gateBias, upBias, downBias: Parameter?

    private let configuration: ModelConfiguration
    private let hasWindow: Bool

    init(_ outline: BlockOutline, configuration: ModelConfiguration, factory: ParameterFactory) throws {
        func spread(_ inputs: Int) -> Double { 1 / Double(inputs).squareRoot() }
        let damping = (2 * Double(outline.depth + 1)).squareRoot()
        self.configuration = configuration
        hasWindow = configuration.window(depth: outline.depth) != nil
        attentionNorm = try factory.scale(outline.attentionNorm)
        // Matrices that multiply the same rows lie one below the other, for one GEMM.
        let projections = try factory.stack(
            [outline.query, outline.key, outline.value], standardDeviation: spread(configuration.width))
        (query, key, value) = (projections[0], projections[1], projections[2])
        output = try factory.matrix(
            outline.output, standardDeviation: spread(outline.output.shape[1]) / damping)
        queryBias = try outline.queryBias.map(factory.bias)
        keyBias = try outline.keyBias.map(factory.bias)
        valueBias = try outline.valueBias.map(factory.bias)
        outputBias = try outline.outputBias.map(factory.bias)
        queryNorm = try outline.queryNorm.map(factory.scale)
        keyNorm = try outline.keyNorm.map(factory.scale)
        feedForwardNorm = try factory.scale(outline.feedForwardNorm)
        let gates = try factory.stack([outline.gate, outline.up], standardDeviation: spread(configuration.width))
        (gate, up) = (gates[0], gates[1])
        down = try factory.matrix(outline.down, standardDeviation: spread(outline.down.shape[1]) / damping)
        gateBias = try outline.gateBias.map(factory.bias)
        upBias = try outline.upBias.map(factory.bias)
        downBias = try outline.downBias.map(factory.bias)
    }

    /// All parameters in the order of their making.
    public var parameters: [Parameter] {
        [attentionNorm, query, key, value, output]
            + [queryBias, keyBias, valueBias, outputBias, queryNorm, keyNorm].compactMap(\.self)
            + [feedForwardNorm, gate, up, down] + [gateBias, upBias, downBias].compactMap(\.self)
    }

    /// [B, T, D] to [B, T, D]: x + attention(norm(x)), then that + SwiGLU(norm(that)).
    public func callAsFunction(_ x: Tensor, _ attention: AttentionInputs) -> Tensor {
        addingSwiGLU(addingAttention(x, attention))
    }

    /// x + SwiGLU(norm(x)): one operator for Llama's block, else the operators one by one.
    private func addingSwiGLU(_ x: Tensor) -> Tensor {
        guard let gateBias, let upBias, let downBias else {
            return x.addingSwiGLU(
                norm: feedForwardNorm.operand, epsilon: configuration.normEpsilon, gate: gate.operand, up: up.operand,
                down: down.operand)
        }
        let projected = x.rmsNorm(
            feedForwardNorm.operand, epsilon: configuration.normEpsilon, linear: [gate.operand, up.operand])
        let (opened, passed) = ((projected[0] + gateBias.operand).silu(), projected[1] + upBias.operand)
        return x.addingLinear(opened * passed, down.operand) + downBias.operand
    }

    /// x + attention(norm(x)): one operator for Llama's block, else the operators one by one.
    private func addingAttention(_ x: Tensor, _ attention: AttentionInputs) -> Tensor {
        let epsilon = configuration.normEpsilon
        let mask = hasWindow ? attention.windowMask : attention.mask
        guard configuration.attentionBias != .none || configuration.queryKeyNorm else {
            return x.addingAttention(
                norm: attentionNorm.operand, epsilon: epsilon, query: query.operand, key: key.operand,
                value: value.operand, output: output.operand, headDimension: configuration.headDimension,
                rotary: (attention.rope.cosine, attention.rope.sine), mask: mask)
        }
        let (batch, length) = (x.shape[0], x.shape[1])
        let projected = x.rmsNorm(
            attentionNorm.operand, epsilon: epsilon, linear: [query.operand, key.operand, value.operand])
        func attentionHeads(_ rows: Tensor, _ bias: Parameter?) -> Tensor {
            (bias.map { rows + $0.operand } ?? rows).reshaped(batch, length, -1, configuration.headDimension)
        }
        func withRope(_ rows: Tensor, _ norm: Parameter?) -> Tensor {
            (norm.map { rows.rmsNorm($0.operand, epsilon: epsilon) } ?? rows)
                .rope(cosine: attention.rope.cosine, sine: attention.rope.sine)
        }
        let attended = Tensor.attention(
            query: withRope(attentionHeads(projected[0], queryBias), queryNorm),
            key: withRope(attentionHeads(projected[1], keyBias), keyNorm),
            value: attentionHeads(projected[2], valueBias),
            mask: mask, causal: mask == nil)
        let sum = x.addingLinear(attended.reshaped(batch, length, -1), output.operand)
        return outputBias.map { sum + $0.operand } ?? sum
    }
}
