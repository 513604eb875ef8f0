import ForetokenDecoding
import ForetokenFiles
import ForetokenText

extension APIError {
    /// The error of a failure in preparing or running a request.
    ///
    /// - Parameters:
    ///   - error: from the tokenizer, the chat template or the engine.
    ///   - parameter: the key that holds the prompt.
    package init(_ error: any Error, parameter: String) {
        switch error {
        case let error as APIError: self = error
        case is CancellationError: self = .clientGone
        case let error as JSONError: self = .malformed(error)
        case let error as DecodingError: self.init(error, parameter: parameter)
        case let error as ChatTemplateError: self.init(error)
        case TokenizerError.unencodable: self = .invalid("\(error)", parameter: parameter)
        // Its message may name files of the server.
        default: self = .server("An unexpected error: \(type(of: error)).")
        }
    }

    private init(_ error: DecodingError, parameter: String) {
        switch error {
        case .promptTooLong(let tokens, let contextLength):
            self = .contextLengthExceeded(prompt: tokens, contextLength: contextLength, parameter: parameter)
        case .emptyPrompt, .tokenOutOfRange, .cacheTooSmall: self = .invalid("\(error)", parameter: parameter)
        case .tooManyHeads: self = .invalid("\(error)", parameter: "heads")
        case .invalid(let sentence): self = .invalid(sentence, parameter: nil)
        case .noChatTemplate: self = .noChatTemplate
        case .outOfMemory:
            self = APIError(
                status: 503, .overloaded, "\(error)", code: "out_of_memory", retryAfterSeconds: 1)
        default: self = .server("\(error)")
        }
    }

    private init(_ error: ChatTemplateError) {
        // Without the file, which is the server's.
        func place(_ line: Int, _ column: Int) -> String { "the chat template, line \(line), column \(column)" }
        let message: String
        switch error {
        case .badMessage: message = "\(error)"
        case .raised(_, let reason):
            message = "The chat template rejects this conversation: \(reason.shortenedForMessage(limit: 500))"
        case .failed(_, let line, let column, let reason): message = "In \(place(line, column)): \(reason)"
        case .limit(_, let line, let column, let what): message = "In \(place(line, column)): \(what)"
        case .unsupported(_, let line, let column, let feature):
            message = "In \(place(line, column)): \(feature) is not supported"
        case .unreadable, .syntax, .notPrefixStable:
            self = .server("The model's chat template cannot be used.")
            return
        }
        self = .invalid(message, parameter: "messages")
    }

    /// A chat with a model that only continues texts.
    package static var noChatTemplate: APIError {
        .invalid(
            "The model has no chat template: it was made to continue texts, not to answer; use /v1/completions.",
            parameter: "messages", code: "no_chat_template")
    }

    /// `/infill` or `suffix` with a model that was not trained to fill in.
    package static func noInfill(parameter: String) -> APIError {
        .invalid(
            "The model cannot fill in: its tokenizer has no tokens for prefix, suffix and middle; send only a prompt.",
            parameter: parameter, code: "unsupported_parameter")
    }
}
