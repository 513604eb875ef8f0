import ForetokenFormats
public import Torch

/// Where a parameter belongs.
public enum ParameterGroup: Sendable, Hashable, CustomStringConvertible {
    /// The embedding.
    case embedding
    /// The shared blocks.
    case trunk
    /// Prediction head i.
    case head(Int)
    /// The final norm and the unembedding, shared by all heads.
    case unembedding

    /// The name in tables.
    public var description: String {
        switch self {
        case .embedding: "embedding"
        case .trunk: "trunk"
        case .head(let head): "head \(head)"
        case .unembedding: "unembedding"
        }
    }
}

/// One trained tensor with its stable name: the name in files, of optimizer state and in errors.
public final class Parameter {
    /// The name in Hugging Face's Llama files; heads beyond the first are `heads.i.…`.
    public let name: String
    /// Where it belongs.
    public let group: ParameterGroup
    /// The weights: a leaf that collects its gradient.
    public let tensor: Tensor
    /// What products take the weights as; the weights' own type unless ``MultiTokenModel/computeType`` says otherwise.
    var computeType: DType

    init(name: String, group: ParameterGroup, tensor: Tensor) {
        self.name = name
        self.group = group
        self.tensor = tensor.requireGradient()
        computeType = tensor.dtype
    }

    /// The weights in ``computeType``: a recorded copy, so that the gradient arrives in the weights' own type, or themselves.
    var operand: Tensor { tensor.to(computeType) }

    /// Whether it is a matrix; the rest are the norms' scales and biases.
    public var isMatrix: Bool { tensor.rank == 2 }

    /// Whether training leaves it as it is: it collects no gradient then.
    public var isFrozen: Bool {
        get { !tensor.requiresGradient }
        set { tensor.requireGradient(!newValue) }
    }

    /// Whether weight decay applies: to matrices only.
    public var decays: Bool { isMatrix }
}

/// Makes parameters in a fixed order, from a seed or empty to be read from a file.
///
/// Initialisation as in Meta's lingua, the paper's team's code: truncated normal at ±3σ with σ = D^-1/2, output
/// projections divided by √(2·(depth + 1)), the feed-forward's output by its own input width.
struct ParameterFactory {
    let dtype: DType
    let device: Device
    /// Nil leaves the weights zero.
    let generator: Generator?

    func matrix(
        _ name: String, _ group: ParameterGroup, _ shape: [Int], standardDeviation: Double
    ) throws -> Parameter {
        Parameter(name: name, group: group, tensor: try values(shape, standardDeviation: standardDeviation))
    }

    /// Matrices [rows, width], one below the other in memory.
    func stack(
        _ matrices: [(name: String, rows: Int)], _ group: ParameterGroup, width: Int, standardDeviation: Double
    ) throws -> [Parameter] {
        let all = Tensor.concatenating(
            try matrices.map { try values([$0.rows, width], standardDeviation: standardDeviation) }, axis: 0)
        var start = 0
        return matrices.map { name, rows in
            defer { start += rows }
            return Parameter(name: name, group: group, tensor: all.narrowed(axis: 0, from: start, count: rows))
        }
    }

    private func values(_ shape: [Int], standardDeviation: Double) throws -> Tensor {
        guard let generator else { return try .zeros(shape, dtype: dtype, device: device) }
        return try Tensor.truncatedNormal(
            shape, standardDeviation: standardDeviation, dtype: dtype, generator: generator
        ).to(device)
    }

    func bias(_ name: String, _ group: ParameterGroup, _ width: Int) throws -> Parameter {
        Parameter(name: name, group: group, tensor: try .zeros([width], dtype: dtype, device: device))
    }

    func scale(_ name: String, _ group: ParameterGroup, _ width: Int) throws -> Parameter {
        Parameter(name: name, group: group, tensor: try .full(1, shape: [width], dtype: dtype, device: device))
    }
}
