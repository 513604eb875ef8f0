/// An error in decoding.
public enum DecodingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// int8 weights are only supported on the CPU.
    case int8NeedsCPU
    /// An allocation of this many bytes failed; 0 if the size is unknown.
    case outOfMemory(Int)
    /// A device failed.
    case failed(String)
    /// The prompt has no tokens.
    case emptyPrompt
    /// The prompt leaves no room for a completion in the model's context.
    case promptTooLong(tokens: Int, contextLength: Int)
    /// A token is outside the model's vocabulary.
    case tokenOutOfRange(token: Int32, vocabulary: Int)
    /// More heads than the model has.
    case tooManyHeads(asked: Int, available: Int)
    /// The model has no chat template.
    case noChatTemplate(model: String)
    /// An invalid setting.
    case invalid(String)
    /// The request needs more cache than the engine's limit.
    case cacheTooSmall(needed: Int, available: Int)
    /// A weight to be rounded to 8 bits is NaN or infinite.
    case weightNotFinite(name: String)
    /// The model's logits contain NaN.
    case notFinite(position: Int)

    /// The message: what is wrong and what to do next.
    public var description: String {
        switch self {
        case .int8NeedsCPU: "weights in int8 are for the CPU; use bf16 or f32 on a GPU"
        case .outOfMemory(let bytes):
            "out of memory\(bytes > 0 ? ": could not allocate \(bytes) bytes" : ""); use fewer sequences at once, a shorter "
                + "context or a smaller model"
        case .failed(let message): message
        case .emptyPrompt: "the prompt is empty and the tokenizer has no token to begin a text; give a prompt"
        case .promptTooLong(let tokens, let context):
            "the prompt has \(tokens) tokens and the model's context is \(context); shorten it to at most \(context - 1)"
        case .tokenOutOfRange(let token, let vocabulary):
            "token \(token) is outside the model's vocabulary of \(vocabulary); the tokenizer belongs to another model"
        case .tooManyHeads(let asked, let available):
            "heads is \(asked): the model has \(available) head\(available == 1 ? "" : "s"); use 1 to \(available)"
        case .cacheTooSmall(let needed, let available):
            "the request may need \(needed) bytes of cache and the limit is \(available); shorten the prompt, generate fewer "
                + "tokens, or raise the cache limit"
        case .noChatTemplate(let model):
            "\(model): has no chat template (chat_template.jinja, or chat_template in tokenizer_config.json): it was made to "
                + "continue texts, not to answer; leave --chat out, or put its template there"
        case .invalid(let sentence): sentence
        case .weightNotFinite(let name):
            "\(name) contains non-finite values; the weights are damaged or training diverged"
        case .notFinite(let position):
            "the model's logits at position \(position) are not finite; its weights are damaged or training diverged"
        }
    }
}
