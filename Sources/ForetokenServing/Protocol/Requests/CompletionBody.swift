import ForetokenFiles

/// The body of `POST /v1/completions`.
package struct CompletionBody: RequestBody {
    /// A prompt.
    package enum Prompt: Sendable, Equatable {
        /// Text, in which special tokens are parsed.
        case text(String)
        /// Token ids; nothing is put before them.
        case tokens([Int32])
    }

    /// The prompts; each has ``GenerationOptions/completions`` choices, in order.
    package var prompts: [Prompt]
    /// The text after the completion; nil for none.
    package var suffix: String?
    /// Whether the answer begins with the prompt.
    package var echoes: Bool
    /// Whether the token that begins a text comes before a prompt of text.
    package var addsBeginningOfText: Bool
    /// What all requests have.
    package var options: GenerationOptions

    package static let fields: [Field] =
        [
            Field("model", .string(), "Any name: the served model answers, and says its own."),
            Field(required: "prompt", promptSchema, "The prompt, or several: text or token ids."),
            Field(
                "suffix", .string(),
                "Text after the completion, for models that can fill in; only with prompts of text."),
            Field(
                "max_tokens", GenerationOptions.tokenLimit, default: 16,
                "The maximum number of tokens; 0 generates none, -1 as many as fit the context."),
            Field("n_predict", GenerationOptions.tokenLimit, "llama.cpp's name of max_tokens, which comes first."),
            Field("echo", .boolean, default: false, "Whether the answer begins with the prompt."),
            Field(
                "logprobs", .any([.integer(0...GenerationOptions.maximumLogProbabilities), .boolean]),
                "The number of most likely tokens whose log-probabilities the answer carries for every token, with the "
                    + "token's own; with echo also for the prompt. true is 1."),
            Field(
                "prompt_logprobs", .integer(0...GenerationOptions.maximumLogProbabilities),
                "The same for the tokens of the prompt, in vLLM's form; not in streams."),
            Field(
                "add_special_tokens", .boolean, default: true,
                "Whether the token that begins a text, if the model has one, comes before a prompt of text."),
        ] + GenerationOptions.completionsFields + GenerationOptions.fields(defaults: GenerationOptions.openAIDefaults)

    private static let promptSchema: Schema = {
        let token = Schema.integer(0...Int(Int32.max))
        let count = 1...GenerationOptions.maximumChoices
        return .any([
            .string(), .array(of: .string(), count: count), .array(of: token, count: 1...Int.max),
            .array(of: .array(of: token, count: 1...Int.max), count: count),
        ])
    }()

    package init(_ values: RequestValues, _ limits: ModelLimits) throws(APIError) {
        prompts = try Self.prompts(values.value("prompt"), limits)
        suffix = values.string("suffix").flatMap { $0.isEmpty ? nil : $0 }
        echoes = values.bool("echo") ?? false
        addsBeginningOfText = values.bool("add_special_tokens") ?? true
        options = try GenerationOptions(values, limits, defaults: GenerationOptions.openAIDefaults)
        options.maximumTokens = GenerationOptions.maximumTokens(values, ["max_tokens", "n_predict"], default: 16)
        options.logProbabilities = values.integer("logprobs") ?? (values.bool("logprobs") == true ? 1 : nil)
        options.promptLogProbabilities = values.integer("prompt_logprobs")
        try options.readCompletions(values, prompts: prompts.count)
        guard options.promptLogProbabilities == nil || !options.streams else {
            throw .invalid(
                "'prompt_logprobs' is not available in streams; send stream: false.", parameter: "prompt_logprobs")
        }
        let hasTokens = prompts.contains { if case .tokens = $0 { true } else { false } }
        guard suffix == nil || !hasTokens else {
            throw .invalid("'suffix' needs a prompt of text, not of token ids.", parameter: "suffix")
        }
    }

    private static func prompts(_ value: JSONValue?, _ limits: ModelLimits) throws(APIError) -> [Prompt] {
        switch value {
        case .string(let text)?: return [.text(text)]
        case .array(let elements)?:
            if case .integer? = elements.first { return [.tokens(try limits.tokens(elements, parameter: "prompt"))] }
            if case .number? = elements.first { return [.tokens(try limits.tokens(elements, parameter: "prompt"))] }
            var prompts: [Prompt] = []
            for element in elements {
                switch element {
                case .string(let text): prompts.append(.text(text))
                case .array(let tokens): prompts.append(.tokens(try limits.tokens(tokens, parameter: "prompt")))
                default: break
                }
            }
            return prompts
        default: return []
        }
    }
}
