public import ForetokenModel
public import Torch

/// One prediction head: a transformer block or a linear map over its input, and the norm and the unembedding
/// of its output.
public struct PredictionHead {
    /// What it computes.
    public enum Body {
        /// A transformer block.
        case block(TransformerBlock)
        /// A linear map [D, D].
        case linear(Parameter)
    }

    /// Its number and what it reads.
    public let node: HeadGraph.Node
    /// What it computes.
    public let body: Body
    /// How a later token's embedding is joined to the input; nil if it is not.
    public let join: TokenJoin?
    /// RMSNorm of its output [D]: its own, or the one that all heads share.
    public let norm: Parameter
    /// [V, D]: its own, or the one that all heads share.
    public let unembedding: Parameter
    let ownsNorm: Bool
    let ownsUnembedding: Bool

    /// Its own parameters.
    public var parameters: [Parameter] {
        var own = join?.parameters ?? []
        switch body {
        case .block(let block): own += block.parameters
        case .linear(let map): own.append(map)
        }
        return own + (ownsNorm ? [norm] : []) + (ownsUnembedding ? [unembedding] : [])
    }

    /// [B, T, D] to [B, T, D].
    ///
    /// `embedded`: [B, T, D], the embeddings of the tokens `node.joined` positions later; for a head that joins them.
    public func callAsFunction(_ x: Tensor, embedded: Tensor? = nil, _ attention: AttentionInputs) -> Tensor {
        var x = x
        if let join {
            guard let embedded else { preconditionFailure("head \(node.head) joins embeddings") }
            x = join(x, embedded)
        }
        switch body {
        case .block(let block): return block(x, attention)
        case .linear(let map): return x.linear(map.operand)
        }
    }
}

/// DeepSeek-V3's input of a head: projection [norm(hidden); norm(embedding)] (arXiv 2412.19437, equation 21).
public struct TokenJoin {
    /// RMSNorm of the hidden states [D].
    public let hiddenNorm: Parameter
    /// RMSNorm of the embeddings [D].
    public let embeddingNorm: Parameter
    /// [D, 2D]; the hidden states' columns come first.
    public let projection: Parameter
    /// ε of both norms.
    public let epsilon: Double

    init(_ outline: JoinOutline, configuration: ModelConfiguration, factory: ParameterFactory) throws {
        epsilon = configuration.normEpsilon
        hiddenNorm = try factory.scale(outline.hiddenNorm)
        embeddingNorm = try factory.scale(outline.embeddingNorm)
        projection = try factory.matrix(
            outline.projection, standardDeviation: 1 / Double(outline.projection.shape[1]).squareRoot())
    }

    /// All parameters in the order of their making.
    public var parameters: [Parameter] { [hiddenNorm, embeddingNorm, projection] }

    /// Hidden states and embeddings, both [B, T, D], to [B, T, D].
    public func callAsFunction(_ hidden: Tensor, _ embedded: Tensor) -> Tensor {
        Tensor.concatenating(
            [
                hidden.rmsNorm(hiddenNorm.operand, epsilon: epsilon),
                embedded.rmsNorm(embeddingNorm.operand, epsilon: epsilon),
            ], axis: 2
        ).linear(projection.operand)
    }
}
