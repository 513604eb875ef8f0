import ForetokenFiles

/// The body of `POST /tokenize`: vLLM's (`prompt` or `messages`) or llama.cpp's (`content`).
package struct TokenizeBody: RequestBody {
    /// What is tokenized.
    package enum Input: Sendable, Equatable {
        case text(String)
        case conversation(Conversation, addsGenerationPrompt: Bool)
    }

    /// What is tokenized.
    package var input: Input
    /// Whether the token that begins a text comes first.
    package var addsBeginningOfText: Bool
    /// Whether the spellings of special tokens become special tokens; those of messages never do.
    package var parsesSpecialTokens: Bool
    /// Whether the answer has the text of each token.
    package var returnsTokenStrings: Bool
    /// Whether the answer has each token as an object with its text.
    package var returnsPieces: Bool

    package static let fields: [Field] =
        [
            Field("model", .string(), "Any name."),
            Field("prompt", .string(), "The text, in vLLM's form; or content, or messages."),
            Field("content", .string(), "The text, in llama.cpp's form."),
            Field(
                "add_special_tokens", .boolean,
                "Whether the token that begins a text comes first: by default with prompt only."),
            Field("add_special", .boolean, "llama.cpp's name of add_special_tokens, which comes first."),
            Field("parse_special", .boolean, default: true, "Whether the spellings of special tokens become such."),
            Field("return_token_strs", .boolean, default: false, "Whether the answer has token_strs."),
            Field(
                "with_pieces", .boolean, default: false,
                "Whether the answer's tokens are objects with id and piece."),
        ] + ApplyTemplateBody.conversationFields.map { $0.name == "messages" ? $0.optional : $0 }

    package init(_ values: RequestValues, _ limits: ModelLimits) throws(APIError) {
        let text = values.string("prompt") ?? values.string("content")
        let given = ["prompt", "content", "messages"].count { values.value($0) != nil }
        guard given == 1 else {
            throw .invalid("Send one of 'prompt', 'content' and 'messages', not \(given) of them.", parameter: nil)
        }
        if let text {
            input = .text(text)
        } else {
            let body = try ApplyTemplateBody(values, limits)
            input = .conversation(body.conversation, addsGenerationPrompt: body.addsGenerationPrompt)
        }
        addsBeginningOfText =
            values.bool("add_special_tokens") ?? values.bool("add_special") ?? (values.value("prompt") != nil)
        parsesSpecialTokens = values.bool("parse_special") ?? true
        returnsTokenStrings = values.bool("return_token_strs") ?? false
        returnsPieces = values.bool("with_pieces") ?? false
    }
}

extension Field {
    fileprivate var optional: Field { Field(name, schema, default: defaultValue, about) }
}

/// The body of `POST /detokenize`.
package struct DetokenizeBody: RequestBody {
    /// The tokens.
    package var tokens: [Int32]

    package static let fields = [
        Field("model", .string(), "Any name."),
        Field(required: "tokens", .array(of: .integer(0...Int(Int32.max))), "The token ids."),
    ]

    package init(_ values: RequestValues, _ limits: ModelLimits) throws(APIError) {
        tokens = try limits.tokens(values.array("tokens") ?? [], parameter: "tokens")
    }
}

/// The body of llama.cpp's `POST /apply-template`.
package struct ApplyTemplateBody: RequestBody {
    /// The conversation.
    package var conversation: Conversation
    /// Whether the text ends with what begins the model's answer.
    package var addsGenerationPrompt: Bool

    package static let fields = [Field("model", .string(), "Any name.")] + conversationFields

    static let conversationFields =
        Conversation.fields + [
            Field(
                "add_generation_prompt", .boolean, default: true,
                "Whether the text ends with what begins the model's answer.")
        ]

    package init(_ values: RequestValues, _ limits: ModelLimits) throws(APIError) {
        conversation = try Conversation(values)
        addsGenerationPrompt = values.bool("add_generation_prompt") ?? true
    }
}
