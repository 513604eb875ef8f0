public import ForetokenModel
import Torch

/// A model's weights as the decode kernels read them: float32 on the CPU, immutable.
///
/// Sendable because nothing changes after `init` and the kernels only read; sessions over it still belong to one thread.
public final class DecodeModel: @unchecked Sendable {
    /// The shape.
    public let configuration: ModelConfiguration
    let trunk: [DecodeBlock]
    let heads: [DecodeHead]
    let embedding: DecodeWeight
    let norm: DecodeWeight
    let unembedding: DecodeWeight
    let rotary: DecodeRotary

    /// The weights of a model; they are shared with it, so it must not be trained on meanwhile.
    ///
    /// - Throws: ``DecodingError/notOnCPU`` for a model elsewhere or in another element type.
    public init(_ model: MultiTokenModel) throws(DecodingError) {
        guard model.device == .cpu, model.dtype == .float32 else { throw .notOnCPU }
        configuration = model.configuration
        trunk = model.trunk.map { DecodeBlock($0, model.configuration) }
        heads = model.heads.map { head in
            switch head {
            case .block(let block): .block(DecodeBlock(block, model.configuration))
            case .linear(let map): .linear(DecodeWeight(map))
            }
        }
        embedding = DecodeWeight(model.embedding)
        norm = DecodeWeight(model.norm)
        unembedding = DecodeWeight(model.unembedding)
        rotary = DecodeRotary(model.configuration)
    }

    /// Bytes of weights that a pass reads when it uses so many heads; 1 is next-token decoding.
    ///
    /// Drafting reads the unembedding a second time, since its rows come after the verification.
    public func bytesRead(heads count: Int) -> Int {
        let plain = trunk.reduce(0) { $0 + $1.byteCount } + heads[0].byteCount + unembedding.byteCount
        let extra = heads[1..<max(1, count)].reduce(0) { $0 + $1.byteCount }
        return plain + extra + (count > 1 ? unembedding.byteCount : 0)
    }
}

/// One matrix or vector of weights for decoding: float32, row-major. bf16 and int8 will be other cases of it under the
/// same contract of row invariance.
struct DecodeWeight {
    private let tensor: Tensor
    /// Rows: outputs of a product.
    let rows: Int
    let columns: Int
    let pointer: UnsafePointer<Float>

    init(_ parameter: Parameter) {
        tensor = parameter.tensor.detached().contiguous()
        let shape = tensor.shape
        rows = shape[0]
        columns = shape.count > 1 ? shape[1] : 1
        pointer = UnsafePointer(tensor.unsafeFloatPointer())
    }

    var byteCount: Int { rows * columns * MemoryLayout<Float>.stride }
}

/// cos and sin [context, d/2].
struct DecodeRotary {
    let cosine: [Float]
    let sine: [Float]

    init(_ configuration: ModelConfiguration) {
        let table = RotaryTable(configuration: configuration, positions: configuration.context)
        cosine = table.cosine.map(Float.init)
        sine = table.sine.map(Float.init)
    }
}

/// A head for decoding.
enum DecodeHead {
    case block(DecodeBlock)
    case linear(DecodeWeight)

    var byteCount: Int {
        switch self {
        case .block(let block): block.byteCount
        case .linear(let map): map.byteCount
        }
    }
}

/// What can be wrong with a request to decode.
public enum DecodingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kernels read float32 on the CPU.
    case notOnCPU
    /// There is nothing to start from.
    case emptyPrompt
    /// The prompt leaves no room.
    case promptTooLong(tokens: Int, context: Int)
    /// A token that the model does not have.
    case tokenOutOfRange(token: Int32, vocabulary: Int)
    /// More heads than the model has.
    case tooManyHeads(asked: Int, available: Int)
    /// A setting without sense.
    case invalid(String)
    /// The model's logits are not numbers.
    case notFinite(position: Int)

    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .notOnCPU: "decoding runs on float32 weights on the CPU; read the model with device 'cpu'"
        case .emptyPrompt: "the prompt is empty and the tokenizer has no token to begin a text; give a prompt"
        case .promptTooLong(let tokens, let context):
            "the prompt has \(tokens) tokens and the model's context is \(context); shorten it to at most \(context - 1)"
        case .tokenOutOfRange(let token, let vocabulary):
            "token \(token) is outside the model's vocabulary of \(vocabulary); the tokenizer is another model's"
        case .tooManyHeads(let asked, let available):
            "--heads \(asked): the model has \(available) head\(available == 1 ? "" : "s"); use 1 to \(available)"
        case .invalid(let sentence): sentence
        case .notFinite(let position):
            "the model's logits at position \(position) are not finite; its weights are damaged or training diverged"
        }
    }
}
