import ForetokenFormats
public import ForetokenModel
public import Torch

/// One trained tensor with its stable name: the name in files, of optimizer state and in errors.
public final class Parameter {
    /// Name, group and shape.
    public let outline: ParameterOutline
    /// The weights: a leaf that collects its gradient.
    public let tensor: Tensor
    /// The type in which GEMMs take the weights; their own unless ``MultiTokenModel/computeType`` says otherwise.
    var computeType: DType

    /// The name in Hugging Face's Llama files; heads beyond the first are `heads.i.…`.
    public var name: String { outline.name }
    /// Where it belongs.
    public var group: ParameterGroup { outline.group }

    init(_ outline: ParameterOutline, tensor: Tensor) {
        self.outline = outline
        self.tensor = tensor.requireGradient()
        computeType = tensor.dtype
    }

    /// The weights in ``computeType``: a recorded copy, so that the gradient arrives in the weights' own type, or
    /// themselves.
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

extension ParameterGroup {
    /// Whether it is one of heads 2…n, which next-token decoding does without.
    var isLaterHead: Bool { if case .head(let head) = self { head > 1 } else { false } }
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

    func matrix(_ outline: ParameterOutline, standardDeviation: Double) throws -> Parameter {
        Parameter(outline, tensor: try values(outline.shape, standardDeviation: standardDeviation))
    }

    /// Matrices [rows, width], one below the other in memory.
    func stack(_ outlines: [ParameterOutline], standardDeviation: Double) throws -> [Parameter] {
        let all = Tensor.concatenating(
            try outlines.map { try values($0.shape, standardDeviation: standardDeviation) }, axis: 0)
        var start = 0
        return outlines.map { outline in
            defer { start += outline.shape[0] }
            return Parameter(outline, tensor: all.narrowed(axis: 0, from: start, count: outline.shape[0]))
        }
    }

    private func values(_ shape: [Int], standardDeviation: Double) throws -> Tensor {
        guard let generator else { return try .zeros(shape, dtype: dtype, device: device) }
        return try Tensor.truncatedNormal(
            shape, standardDeviation: standardDeviation, dtype: dtype, generator: generator
        ).to(device)
    }

    func bias(_ outline: ParameterOutline) throws -> Parameter {
        Parameter(outline, tensor: try .zeros(outline.shape, dtype: dtype, device: device))
    }

    func scale(_ outline: ParameterOutline) throws -> Parameter {
        Parameter(outline, tensor: try .full(1, shape: outline.shape, dtype: dtype, device: device))
    }
}
