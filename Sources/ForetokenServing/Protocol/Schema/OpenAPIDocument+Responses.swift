import ForetokenFiles

extension OpenAPIDocument {
    static let error = Schema.object([
        Field(
            required: "error",
            .object([
                Field(required: "message", .string(), "What is wrong and what to do."),
                Field(required: "type", .string(), "invalid_request_error, server_error, …"),
                Field(required: "param", nullable(.string()), "The key that is wrong."),
                Field(required: "code", nullable(.string()), "A name for programs, such as context_length_exceeded."),
            ]), "The error.")
    ])

    static let model = Schema.object([
        Field(required: "id", .string(), "The name."),
        Field(required: "object", .name(["model"]), ""),
        Field(required: "created", count, "Seconds since 1970 at which it was loaded."),
        Field(required: "owned_by", .string(), ""),
        Field(required: "max_model_len", count, "The context length."),
    ])

    static let completion = answer(
        "text_completion",
        choice: [
            Field(required: "text", .string(), "The text."),
            Field(required: "logprobs", nullable(parallelLogProbabilities), "Log-probabilities of the tokens."),
        ])

    static let chat = answer(
        "chat.completion",
        choice: [
            Field(
                required: "message",
                .object([
                    Field(required: "role", .name(["assistant"]), ""),
                    Field(required: "content", .string(), "The answer."),
                ]), "The answer."),
            Field(required: "logprobs", nullable(chatLogProbabilities), "Log-probabilities of the tokens."),
        ])

    static let chatChunk = answer(
        "chat.completion.chunk",
        choice: [
            Field(
                required: "delta",
                .object([
                    Field("role", .name(["assistant"]), "In the first chunk."),
                    Field("content", .string(), "What is new."),
                ]), "What is new."),
            Field(required: "logprobs", nullable(chatLogProbabilities), "Log-probabilities of the tokens."),
        ])

    static let infill = Schema.object([
        Field(required: "content", .string(), "The text."),
        Field(required: "tokens", .array(of: count), "The token ids, if they were asked for."),
        Field(required: "stop", .boolean, "Whether this is the end."),
        Field("stop_type", .name(["eos", "word", "limit"]), "Why it ended."),
        Field("tokens_predicted", count, "The number of generated tokens."),
        Field("tokens_evaluated", count, "The number of the prompt's tokens."),
        Field("tokens_cached", count, "The number of tokens in the cache."),
        Field("truncated", .boolean, "Whether the context was full."),
        Field("timings", .object([]), "The speed."),
    ])

    static let tokenized = Schema.object([
        Field(required: "count", count, "The number of tokens."),
        Field(required: "max_model_len", count, "The context length."),
        Field(
            required: "tokens",
            .array(of: .any([count, .object([Field(required: "id", count, "The token's id.")])])), "The tokens."),
        Field(required: "token_strs", nullable(.array(of: .string())), "Their texts, if they were asked for."),
    ])

    static let tokenizerInfo = Schema.object([
        Field(required: "tokenizer_class", .string(), "The tokenizer's name."),
        Field(required: "bos_token", nullable(.string()), "The token that begins a text."),
        Field(required: "eos_token", nullable(.string()), "The token that ends a text."),
        Field(required: "chat_template", nullable(.string()), "The chat template's source."),
    ])

    // MARK: Parts

    private static let count = Schema.integer(0...Int.max)

    private static let tokens = Schema.array(of: count)

    private static func nullable(_ schema: Schema) -> Schema { .any([schema, .constant(.null)]) }

    private static func answer(_ object: String, choice: [Field]) -> Schema {
        .object([
            Field(required: "id", .string(1...Int.max), "Names the request."),
            Field(required: "object", .name([object]), ""),
            Field(required: "created", count, "Seconds since 1970."),
            Field(required: "model", .string(), "The served model."),
            Field(required: "system_fingerprint", .string(), "Identifies the model and the server's version."),
            Field(
                required: "choices",
                .array(
                    of: .object(
                        [Field(required: "index", count, "Those of the first prompt come first.")] + choice + [
                            Field(
                                required: "finish_reason", nullable(.name(["stop", "length"])),
                                "Why it ended; null in the midst of a stream."),
                            Field("token_ids", tokens, "With return_token_ids."),
                            Field("prompt_token_ids", tokens, "With return_token_ids."),
                        ])), "The completions."),
            Field("usage", usage, "The counts of tokens."),
            Field("timings", .object([]), "The speed, if it was asked for."),
        ])
    }

    private static let usage = Schema.object([
        Field(required: "prompt_tokens", count, ""),
        Field(required: "completion_tokens", count, ""),
        Field(required: "total_tokens", count, ""),
        Field(required: "prompt_tokens_details", .object([Field(required: "cached_tokens", count, "")]), ""),
        Field(
            required: "completion_tokens_details",
            .object([
                Field(required: "accepted_prediction_tokens", count, "Accepted drafts."),
                Field(required: "rejected_prediction_tokens", count, "Rejected drafts."),
            ]), ""),
    ])

    private static let logProbability = Schema.number(-1e300...0)

    private static let parallelLogProbabilities = Schema.object([
        Field(required: "tokens", .array(of: .string()), ""),
        Field(required: "token_logprobs", .array(of: nullable(logProbability)), ""),
        Field(
            required: "top_logprobs", nullable(.array(of: nullable(.dictionary(of: logProbability)))),
            "null with logprobs: 0."),
        Field(required: "text_offset", .array(of: count), "In characters (Unicode code points)."),
    ])

    private static let chatLogProbabilities: Schema = {
        let token = [
            Field(required: "token", .string(), ""),
            Field(required: "logprob", logProbability, ""),
            Field(required: "bytes", nullable(.array(of: .integer(0...255))), "null for special tokens."),
        ]
        let top = Field(required: "top_logprobs", .array(of: .object(token)), "")
        return .object([Field(required: "content", .array(of: .object(token + [top])), "")])
    }()
}
