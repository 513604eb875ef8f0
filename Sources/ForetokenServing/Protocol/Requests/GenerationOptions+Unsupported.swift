import ForetokenFiles

extension GenerationOptions {
    /// Parameters of other servers that would change the answer, with the values that have no effect.
    static let unsupportedFields =
        structuredOutput + [
            // vLLM
            Field(unsupported: "use_beam_search", .constant(false), "send false or leave it out"),
            Field(unsupported: "min_tokens", .constant(0), "send 0 or leave it out"),
            Field(unsupported: "include_stop_str_in_output", .constant(false), "send false or leave it out"),
            Field(unsupported: "skip_special_tokens", .constant(true), "send true or leave it out"),
            Field(unsupported: "truncate_prompt_tokens", .constant(.null), "shorten the prompt before sending it"),
            Field(unsupported: "allowed_token_ids", .constant(.null), "leave it out"),
            Field(unsupported: "bad_words", .array(of: .anything, count: 0...0), "leave it out"),
            Field(unsupported: "logits_processors", .array(of: .anything, count: 0...0), "leave it out"),
            Field(unsupported: "prompt_embeds", .constant(.null), "send text or token ids"),
            // llama.cpp
            Field(unsupported: "mirostat", .constant(0), "send 0 or leave it out"),
            Field(unsupported: "typical_p", .constant(1), "send 1 or leave it out"),
            Field(unsupported: "dry_multiplier", .constant(0), "send 0 or leave it out"),
            Field(unsupported: "xtc_probability", .constant(0), "send 0 or leave it out"),
            Field(unsupported: "dynatemp_range", .constant(0), "send 0 or leave it out"),
            Field(unsupported: "top_n_sigma", .number(-1...0), "send -1 or leave it out"),
            Field(unsupported: "min_keep", .integer(0...1), "send 0 or leave it out"),
            Field(unsupported: "n_cmpl", .constant(1), "use n"),
            Field(unsupported: "n_probs", .constant(0), "use logprobs of /v1/completions"),
            Field(unsupported: "post_sampling_probs", .constant(false), "send false or leave it out"),
            Field(unsupported: "lora", .array(of: .anything, count: 0...0), "leave it out"),
        ]

    /// The answer's grammar.
    private static let structuredOutput = [
        Field(
            unsupported: "response_format",
            .object([Field(required: "type", .name(["text"]), "text.")]),
            "leave it out or send {\"type\": \"text\"}"),
        Field(unsupported: "grammar", .string(0...0), "leave it out"),
        Field(unsupported: "json_schema", .constant(.null), "leave it out"),
        Field(unsupported: "guided_json", .constant(.null), "leave it out"),
        Field(unsupported: "guided_regex", .constant(.null), "leave it out"),
        Field(unsupported: "guided_choice", .constant(.null), "leave it out"),
        Field(unsupported: "guided_grammar", .constant(.null), "leave it out"),
        Field(unsupported: "structured_outputs", .constant(.null), "leave it out"),
        Field(unsupported: "structural_tag", .constant(.null), "leave it out"),
    ]
}
