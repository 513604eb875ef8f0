/// What can be wrong with a request to decode.
public enum DecodingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Weights in 8 bits are for the kernels of the CPU.
    case int8NeedsCPU
    /// The host's memory has no room for this number of bytes; 0: unknown.
    case outOfMemory(Int)
    /// A device failed.
    case failed(String)
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
    /// The request needs more cache than there is.
    case cacheTooSmall(needed: Int, available: Int)
    /// A weight that is to be rounded to 8 bits is no number.
    case weightNotFinite(name: String)
    /// The model's logits are not numbers.
    case notFinite(position: Int)

    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .int8NeedsCPU: "weights in int8 are for the CPU; use bf16 or f32 on a GPU"
        case .outOfMemory(let bytes):
            "out of memory\(bytes > 0 ? ": no room for \(bytes) bytes" : ""); use fewer sequences at once, a shorter context or "
                + "a smaller model"
        case .failed(let message): message
        case .emptyPrompt: "the prompt is empty and the tokenizer has no token to begin a text; give a prompt"
        case .promptTooLong(let tokens, let context):
            "the prompt has \(tokens) tokens and the model's context is \(context); shorten it to at most \(context - 1)"
        case .tokenOutOfRange(let token, let vocabulary):
            "token \(token) is outside the model's vocabulary of \(vocabulary); the tokenizer is another model's"
        case .tooManyHeads(let asked, let available):
            "heads is \(asked): the model has \(available) head\(available == 1 ? "" : "s"); use 1 to \(available)"
        case .cacheTooSmall(let needed, let available):
            "the request can come to need \(needed) bytes of cache and there are \(available); shorten the prompt or the "
                + "maximum of tokens, or raise the cache's limit"
        case .invalid(let sentence): sentence
        case .weightNotFinite(let name):
            "\(name) holds numbers that are not finite; the weights are damaged or training diverged"
        case .notFinite(let position):
            "the model's logits at position \(position) are not finite; its weights are damaged or training diverged"
        }
    }
}
