public import Torch

/// One prediction head: a transformer block or a linear map over its input.
public enum PredictionHead {
    /// A transformer block.
    case block(TransformerBlock)
    /// A linear map [D, D].
    case linear(Parameter)

    /// Its parameters.
    public var parameters: [Parameter] {
        switch self {
        case .block(let block): block.parameters
        case .linear(let map): [map]
        }
    }

    /// [B, T, D] to [B, T, D].
    public func callAsFunction(_ x: Tensor, _ context: SequenceContext) -> Tensor {
        switch self {
        case .block(let block): block(x, context)
        case .linear(let map): x.linear(map.tensor)
        }
    }
}
