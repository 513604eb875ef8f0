package import ForetokenFiles
package import ForetokenText

/// The body of `POST /v1/chat/completions`.
package struct ChatBody: RequestBody {
    /// The conversation and what its template reads.
    package var conversation: Conversation
    /// What all requests have.
    package var options: GenerationOptions

    package static let fields: [Field] =
        [
            Field("model", .string(), "Any name: the served model answers, and says its own."),
            Field(
                "max_completion_tokens", GenerationOptions.tokenLimit,
                "The maximum number of tokens; missing or -1: as many as fit the context."),
            Field(
                "max_tokens", GenerationOptions.tokenLimit,
                "The former name of max_completion_tokens, which comes first."),
            Field("n_predict", GenerationOptions.tokenLimit, "llama.cpp's name of max_tokens, which comes first."),
            Field(
                "logprobs", .boolean, default: false,
                "Whether the answer carries the log-probability of every token, before bias, penalties and temperature."
            ),
            Field(
                "top_logprobs", .integer(0...GenerationOptions.maximumLogProbabilities), default: 0,
                "The number of most likely tokens whose log-probabilities it carries too; needs logprobs."),
            Field(unsupported: "echo", .constant(false), "send false or leave it out"),
            Field(unsupported: "continue_final_message", .constant(false), "use /apply-template and /v1/completions"),
            Field(unsupported: "add_generation_prompt", .constant(true), "use /apply-template and /v1/completions"),
            Field(unsupported: "add_special_tokens", .constant(false), "the template puts them: leave it out"),
            Field(unsupported: "prompt_logprobs", .constant(.null), "use /v1/completions"),
            Field(unsupported: "modalities", .array(of: .name(["text"])), "only text is generated: send [\"text\"]"),
            Field(unsupported: "audio", .constant(.null), "only text is generated: leave it out"),
            Field(unsupported: "web_search_options", .constant(.null), "leave it out"),
        ] + Conversation.fields + GenerationOptions.completionsFields
        + GenerationOptions.fields(defaults: GenerationOptions.openAIDefaults)

    package init(_ values: RequestValues, _ limits: ModelLimits) throws(APIError) {
        conversation = try Conversation(values)
        options = try GenerationOptions(values, limits, defaults: GenerationOptions.openAIDefaults)
        options.maximumTokens = GenerationOptions.maximumTokens(
            values, ["max_completion_tokens", "max_tokens", "n_predict"], default: nil)
        let top = values.integer("top_logprobs") ?? 0
        if values.bool("logprobs") == true {
            options.logProbabilities = top
        } else if top > 0 {
            throw .invalid("'top_logprobs' needs 'logprobs' to be true.", parameter: "top_logprobs")
        }
        try options.readCompletions(values, prompts: 1)
    }
}

/// A conversation: messages for the model's chat template, and the template's variables.
package struct Conversation: Sendable, Equatable {
    /// The messages as they came.
    package var messages: [JSONValue]
    /// Variables of the template.
    package var variables: JSONObject

    /// The keys.
    static let fields: [Field] = [
        Field(required: "messages", messagesSchema, "The conversation, the last message last."),
        Field(
            "chat_template_kwargs", .dictionary(of: .anything),
            "Variables of the chat template, such as enable_thinking."),
        Field("reasoning_effort", .string(), "The template's variable of this name."),
        Field(unsupported: "tools", .array(of: .anything, count: 0...0), "send [] or leave it out"),
        Field(unsupported: "tool_choice", .name(["none", "auto"]), "send \"none\" or leave it out"),
        Field(unsupported: "functions", .array(of: .anything, count: 0...0), "send [] or leave it out"),
        Field(unsupported: "function_call", .name(["none", "auto"]), "send \"none\" or leave it out"),
        Field(unsupported: "documents", .array(of: .anything, count: 0...0), "put them into a message"),
        Field(unsupported: "chat_template", .constant(.null), "the model's own template is used: leave it out"),
    ]

    private static let messagesSchema = Schema.array(
        of: .object([
            Field(required: "role", .string(1...64), "Who says it: system, developer, user, assistant or tool."),
            Field(
                "content",
                .any([
                    .string(),
                    .array(
                        of: .object([
                            Field(required: "type", .name(["text"]), "text: images and audio are not supported."),
                            Field(required: "text", .string(), "The text."),
                        ])),
                ]), "What is said, as text or as parts of text."),
        ]), count: 1...65_536)

    init(_ values: RequestValues) throws(APIError) {
        messages = values.array("messages") ?? []
        variables = JSONObject()
        if let effort = values.string("reasoning_effort") { variables["reasoning_effort"] = .string(effort) }
        for (name, value) in values.object("chat_template_kwargs") ?? JSONObject() {
            guard !Self.isReserved(name) else {
                throw .invalid(
                    "'chat_template_kwargs' must not set \(name.quotedForMessage(limit: 60)).",
                    parameter: "chat_template_kwargs")
            }
            variables[name] = value
        }
    }

    /// Whether a variable is the server's: what a request says never becomes a special token.
    private static func isReserved(_ name: String) -> Bool {
        ["messages", "tools", "documents", "add_generation_prompt"].contains(name)
            || name.hasSuffix("_token") || name.hasSuffix("_tokens")
    }

    /// The messages for a template: `developer` is OpenAI's newer name of `system`, which few templates know.
    package func messages(for templates: ChatTemplates) -> [JSONValue] {
        let name = Array("developer".utf8)
        guard !templates.sources.values.contains(where: { $0.bytes.contains(name) }) else { return messages }
        return messages.map { message in
            guard case .object(var object) = message, object["role"] == "developer" else { return message }
            object["role"] = "system"
            return .object(object)
        }
    }
}
