import ForetokenFiles

@testable import ForetokenServing

/// Examples of the values of a key, written by hand from the API's definitions.
struct FieldCase: Sendable {
    /// Values that change what is asked for.
    var effective: [String] = []
    /// Values that are accepted and mean the same as none.
    var neutral: [String] = []
    /// Values that are mistakes, or not supported.
    var refused: [String]
    /// What `param` of the error begins with; the key unless given.
    var parameter: String?
}

/// Every key of every request.
enum RequestCases {
    static let limits = ModelLimits(vocabulary: 258, contextLength: 4096, heads: 4, endTokens: [257])

    private static let notNumbers = [#""1""#, "true", "[1]", "{}", #"{"a": 1}"#]
    private static let notBooleans = ["0", "1", #""true""#, "[]", "{}", "1.5"]
    private static let notStrings = ["1", "1.5", "true", "[]", "{}"]
    private static let flag = FieldCase(effective: ["true"], neutral: ["false", "null"], refused: notBooleans)

    static let sampling: [String: FieldCase] = [
        "temperature": FieldCase(
            effective: ["0", "0.0", "2", "0.7", "1e-3", "5e-324"], neutral: ["null"],
            refused: ["-0.1", "2.1", "1e300", "-1"] + notNumbers),
        "top_p": FieldCase(
            effective: ["0", "0.5", "1e-9"], neutral: ["null"], refused: ["-0.1", "1.0000001", "2"] + notNumbers),
        "top_k": FieldCase(
            effective: ["1", "50", "2147483647", "3.0"], neutral: ["null"],
            refused: ["-2", "2147483648", "1.5", "1e30"] + notNumbers),
        "min_p": FieldCase(effective: ["1", "0.02"], neutral: ["null"], refused: ["-0.1", "1.1"] + notNumbers),
        "presence_penalty": FieldCase(
            effective: ["-2", "2", "0.5"], neutral: ["0", "0.0", "-0.0", "null"],
            refused: ["-2.1", "2.1"] + notNumbers),
        "frequency_penalty": FieldCase(
            effective: ["-2", "2", "0.5"], neutral: ["0", "null"], refused: ["-2.1", "2.1"] + notNumbers),
        "repetition_penalty": FieldCase(
            effective: ["0.5", "1.1", "100", "2"], neutral: ["1", "1.0", "null"],
            refused: ["0", "0.0", "-1", "101", "5e-324", "1e-45"] + notNumbers),
        "repeat_penalty": FieldCase(
            effective: ["0.5", "1.1"], neutral: ["1", "null"], refused: ["0", "-1", "101"] + notNumbers),
        "repeat_last_n": FieldCase(
            neutral: ["-1", "0", "64", "null"], refused: ["-2", "1.5"] + notNumbers),
        "logit_bias": FieldCase(
            effective: [#"{"1": 2}"#, #"{"0": -100, "257": 100}"#, #"{"5": 0.5}"#], neutral: ["{}", "[]", "null"],
            refused: [
                #"{"258": 1}"#, #"{"-1": 1}"#, #"{"a": 1}"#, #"{"": 1}"#, #"{"1": 101}"#, #"{"1": "2"}"#,
                #"{"1": null}"#, #"{"99999999999999999999": 1}"#, #"{"1.0": 1}"#, #"{"+1": 1}"#, #"{"01": 1}"#,
                #"{"-0": 1}"#, #"{" 1": 1}"#,
                "[[1, 2]]", "1", "true",
                #""1""#,
            ]),
        "seed": FieldCase(
            effective: ["0", "1", "-2", "9223372036854775807", "-9223372036854775808", "7.0"], neutral: ["-1", "null"],
            refused: ["1.5", "9223372036854775808", "1e300"] + notNumbers),
        "stop": FieldCase(
            effective: [#""x""#, #"["x"]"#, #"["x", "\u0000", "é"]"#], neutral: ["[]", "null"],
            refused: [
                #""""#, #"[""]"#, #"["x", 1]"#, #"["x", null]"#, "1", "true", "{}", #"[["x"]]"#,
                "[" + [String](repeating: #""x""#, count: 65).joined(separator: ",") + "]",
                "\"" + String(repeating: "x", count: 4097) + "\"",
            ]),
        "stop_token_ids": FieldCase(
            effective: ["[0]", "[257, 1]", "[1.0]"], neutral: ["[]", "null"],
            refused: ["[258]", "[-1]", "[1.5]", #"["1"]"#, "[null]", "1", "{}", "true", "[2147483648]"]),
        "ignore_eos": flag,
        "stream": flag,
        "stream_options": FieldCase(
            effective: [#"{"include_usage": true}"#, #"{"include_usage": true, "other": 1}"#],
            neutral: ["null", "{}", #"{"include_usage": false}"#, #"{"include_usage": null}"#],
            refused: ["1", "true", "[]", #""x""#, #"{"include_usage": 1}"#, #"{"include_usage": "true"}"#]),
        "heads": FieldCase(
            effective: ["1", "4", "2.0"], neutral: ["null"], refused: ["0", "-1", "5", "1.5"] + notNumbers),
        "speculative": FieldCase(effective: ["false"], neutral: ["true", "null"], refused: notBooleans),
        "timings": flag,
        "timings_per_token": flag,
        "n_indent": FieldCase(
            effective: ["1", "8"], neutral: ["0", "null"], refused: ["-1", "0.5"] + notNumbers),
        "t_max_predict_ms": FieldCase(
            effective: ["1", "500"], neutral: ["0", "null"], refused: ["-1", "0.5"] + notNumbers),
        "return_token_ids": flag,
        "return_tokens_as_token_ids": flag,
    ]

    static let unsupported: [String: FieldCase] = [
        "response_format": FieldCase(
            neutral: [#"{"type": "text"}"#, "null"],
            refused: [
                #"{"type": "json_object"}"#, #"{"type": "json_schema", "json_schema": {}}"#, "{}", "1", #""text""#,
            ]),
        "grammar": FieldCase(neutral: [#""""#, "null"], refused: [#""root ::= \"a\"""#, "1", "{}"]),
        "json_schema": FieldCase(neutral: ["null"], refused: ["{}", #""x""#, "1"]),
        "guided_json": FieldCase(neutral: ["null"], refused: ["{}", #""x""#]),
        "guided_regex": FieldCase(neutral: ["null"], refused: [#""a*""#]),
        "guided_choice": FieldCase(neutral: ["null"], refused: [#"["a"]"#]),
        "guided_grammar": FieldCase(neutral: ["null"], refused: [#""x""#]),
        "structured_outputs": FieldCase(neutral: ["null"], refused: ["{}"]),
        "structural_tag": FieldCase(neutral: ["null"], refused: [#""x""#]),
        "use_beam_search": FieldCase(neutral: ["false", "null"], refused: ["true", "1"]),
        "min_tokens": FieldCase(neutral: ["0", "0.0", "null"], refused: ["1", "-1", "true"]),
        "include_stop_str_in_output": FieldCase(neutral: ["false", "null"], refused: ["true"]),
        "skip_special_tokens": FieldCase(neutral: ["true", "null"], refused: ["false"]),
        "truncate_prompt_tokens": FieldCase(neutral: ["null"], refused: ["1", "-1"]),
        "allowed_token_ids": FieldCase(neutral: ["null"], refused: ["[1]", "[]"]),
        "bad_words": FieldCase(neutral: ["[]", "null"], refused: [#"["a"]"#]),
        "logits_processors": FieldCase(neutral: ["[]", "null"], refused: [#"["a"]"#]),
        "prompt_embeds": FieldCase(neutral: ["null"], refused: [#""x""#, "[]"]),
        "mirostat": FieldCase(neutral: ["0", "null"], refused: ["1", "2"]),
        "typical_p": FieldCase(neutral: ["1", "1.0", "null"], refused: ["0.9"]),
        "dry_multiplier": FieldCase(neutral: ["0", "0.0", "null"], refused: ["0.8"]),
        "xtc_probability": FieldCase(neutral: ["0", "0.0", "null"], refused: ["0.5"]),
        "dynatemp_range": FieldCase(neutral: ["0", "null"], refused: ["0.5"]),
        "top_n_sigma": FieldCase(neutral: ["-1", "-1.0", "0", "null"], refused: ["1.5"]),
        "min_keep": FieldCase(neutral: ["0", "1", "null"], refused: ["2"]),
        "n_cmpl": FieldCase(neutral: ["1", "null"], refused: ["2", "0"]),
        "n_probs": FieldCase(neutral: ["0", "null"], refused: ["5"]),
        "post_sampling_probs": FieldCase(neutral: ["false", "null"], refused: ["true"]),
        "lora": FieldCase(neutral: ["[]", "null"], refused: [#"[{"id": 0, "scale": 1}]"#]),
    ]

    private static let model = FieldCase(neutral: [#""x""#, #""""#, "null"], refused: notStrings)
    private static let tokenLimit = ["0", "17", "2147483647", "9.0"]
    private static let badTokenLimits = ["-2", "1.5", "2147483648", "1e30"] + notNumbers

    static let completionsOnly: [String: FieldCase] = [
        "model": model,
        "prompt": FieldCase(
            effective: [
                #""""#, #""other""#, #"["a", "b"]"#, "[1, 2, 3]", "[0.0, 257]", "[[1], [2, 3]]", #"[""]"#,
            ],
            refused: [
                "null", "[]", "[[]]", "[[1], []]", "1", "true", "{}", #"["a", 1]"#, #"[1, "a"]"#, "[258]", "[-1]",
                "[[258]]", "[1.5]", "[true]", "[[[1]]]", #"[{"prompt_string": "x"}]"#, #"[1, [2]]"#, "[null]",
                "[" + [String](repeating: #""x""#, count: 2049).joined(separator: ",") + "]",
            ]),
        "suffix": FieldCase(effective: [#""x""#], neutral: [#""""#, "null"], refused: notStrings),
        "max_tokens": FieldCase(effective: ["-1"] + tokenLimit, neutral: ["16", "null"], refused: badTokenLimits),
        "n_predict": FieldCase(effective: ["-1"] + tokenLimit, neutral: ["16", "null"], refused: badTokenLimits),
        "echo": flag,
        "logprobs": FieldCase(
            effective: ["0", "1", "20", "5.0", "true"], neutral: ["false", "null"],
            refused: ["-1", "21", "1.5", #""1""#, "[1]", "{}"]),
        "prompt_logprobs": FieldCase(
            effective: ["0", "20"], neutral: ["null"], refused: ["-1", "21", "1.5"] + notNumbers),
        "add_special_tokens": FieldCase(effective: ["false"], neutral: ["true", "null"], refused: notBooleans),
    ]

    static let completions: [String: FieldCase] = [
        "n": FieldCase(
            effective: ["2", "128", "3.0"], neutral: ["1", "null"], refused: ["0", "-1", "129", "1.5"] + notNumbers),
        "best_of": FieldCase(neutral: ["1", "null"], refused: ["2", "0", "129"] + notNumbers),
    ]

    static let conversation: [String: FieldCase] = [
        "messages": FieldCase(
            effective: [
                #"[{"role": "user", "content": "other"}]"#, #"[{"role": "user", "content": null}]"#,
                #"[{"role": "assistant", "tool_calls": []}]"#, #"[{"role": "user", "content": []}]"#,
                #"[{"role": "user", "content": [{"type": "text", "text": "a"}]}]"#,
                #"[{"role": "tool", "content": "x", "tool_call_id": "1"}, {"role": "developer", "content": ""}]"#,
            ],
            refused: [
                "null", "[]", "1", "true", "{}", #""x""#, "[1]", "[{}]", "[null]", #"[{"role": 1}]"#,
                #"[{"role": null, "content": "x"}]"#, #"[{"role": "", "content": "x"}]"#,
                #"[{"role": "user", "content": 1}]"#, #"[{"role": "user", "content": {}}]"#,
                #"[{"role": "user", "content": [1]}]"#, #"[{"role": "user", "content": [{"type": "text"}]}]"#,
                #"[{"role": "user", "content": [{"text": "x"}]}]"#,
                #"[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]}]"#,
                #"[{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]"#,
            ]),
        "chat_template_kwargs": FieldCase(
            effective: [#"{"enable_thinking": false}"#, #"{"a": [1, {"b": null}]}"#], neutral: ["{}", "null"],
            refused: [
                "1", "[]", "true", #""x""#, #"{"messages": []}"#, #"{"bos_token": "<|im_start|>"}"#, #"{"tools": []}"#,
                #"{"add_generation_prompt": false}"#, #"{"additional_special_tokens": []}"#,
            ]),
        "reasoning_effort": FieldCase(effective: [#""low""#], neutral: ["null"], refused: notStrings),
        "tools": FieldCase(
            neutral: ["[]", "null"], refused: [#"[{"type": "function", "function": {"name": "f"}}]"#, "{}", "1"]),
        "tool_choice": FieldCase(
            neutral: [#""none""#, #""auto""#, "null"],
            refused: [#""required""#, #"{"type": "function", "function": {"name": "f"}}"#, "1"]),
        "functions": FieldCase(neutral: ["[]", "null"], refused: [#"[{"name": "f"}]"#]),
        "function_call": FieldCase(neutral: [#""none""#, #""auto""#, "null"], refused: [#"{"name": "f"}"#]),
        "documents": FieldCase(neutral: ["[]", "null"], refused: [#"[{"title": "x"}]"#]),
        "chat_template": FieldCase(neutral: ["null"], refused: [#""{{ messages }}""#]),
    ]

    static let chatOnly: [String: FieldCase] = [
        "model": model,
        "max_completion_tokens": FieldCase(effective: tokenLimit, neutral: ["-1", "null"], refused: badTokenLimits),
        "max_tokens": FieldCase(effective: tokenLimit, neutral: ["-1", "null"], refused: badTokenLimits),
        "n_predict": FieldCase(effective: tokenLimit, neutral: ["-1", "null"], refused: badTokenLimits),
        "logprobs": flag,
        "top_logprobs": FieldCase(neutral: ["0", "null"], refused: ["1", "-1", "21", "0.5"] + notNumbers),
        "echo": FieldCase(neutral: ["false", "null"], refused: ["true"]),
        "continue_final_message": FieldCase(neutral: ["false", "null"], refused: ["true"]),
        "add_generation_prompt": FieldCase(neutral: ["true", "null"], refused: ["false"]),
        "add_special_tokens": FieldCase(neutral: ["false", "null"], refused: ["true"]),
        "prompt_logprobs": FieldCase(neutral: ["null"], refused: ["0", "1"]),
        "modalities": FieldCase(neutral: [#"["text"]"#, "[]", "null"], refused: [#"["text", "audio"]"#]),
        "audio": FieldCase(neutral: ["null"], refused: [#"{"voice": "x"}"#]),
        "web_search_options": FieldCase(neutral: ["null"], refused: ["{}"]),
    ]

    static let infillOnly: [String: FieldCase] = [
        "model": model,
        "input_prefix": FieldCase(effective: [#""other""#, #""""#], refused: ["null"] + notStrings),
        "input_suffix": FieldCase(effective: [#""other""#, #""""#], refused: ["null"] + notStrings),
        "prompt": FieldCase(effective: [#""x""#], neutral: [#""""#, "null"], refused: notStrings),
        "input_extra": FieldCase(
            effective: [#"[{"filename": "a.py", "text": "x"}]"#, #"[{"text": ""}]"#], neutral: ["[]", "null"],
            refused: ["1", "{}", "[1]", "[{}]", #"[{"filename": 1, "text": "x"}]"#, #"[{"filename": "a"}]"#]),
        "n_predict": FieldCase(effective: tokenLimit, neutral: ["-1", "null"], refused: badTokenLimits),
        "max_tokens": FieldCase(effective: tokenLimit, neutral: ["-1", "null"], refused: badTokenLimits),
        "samplers": FieldCase(
            effective: ["[]", #"["top_k"]"#, #"["top_k", "top_p", "infill"]"#],
            neutral: [#"["penalties", "temperature", "top_k", "top_p", "min_p", "xtc"]"#, "null"],
            refused: ["1", #""x""#, "[1]", "{}"]),
        "return_tokens": flag,
        // The answer has them anyway.
        "timings": FieldCase(neutral: ["true", "false", "null"], refused: notBooleans),
    ]

    private static let twoInputs = FieldCase(neutral: ["null"], refused: [#""x""#] + notStrings, parameter: "")
    private static let optionalMessages = FieldCase(
        effective: conversation["messages"]?.effective ?? [], refused: conversation["messages"]?.refused ?? [],
        parameter: "")

    /// Of a conversation.
    static let tokenizeOnly: [String: FieldCase] = [
        "model": model,
        "prompt": twoInputs,
        "content": twoInputs,
        "messages": optionalMessages,
        "add_special_tokens": flag,
        "add_special": flag,
        "parse_special": FieldCase(effective: ["false"], neutral: ["true", "null"], refused: notBooleans),
        "return_token_strs": flag,
        "with_pieces": flag,
        "add_generation_prompt": addGenerationPrompt,
    ]

    static let applyTemplateOnly: [String: FieldCase] = [
        "model": model, "add_generation_prompt": addGenerationPrompt,
    ]

    private static let addGenerationPrompt = FieldCase(
        effective: ["false"], neutral: ["true", "null"], refused: notBooleans)

    static let detokenize: [String: FieldCase] = [
        "model": model,
        "tokens": FieldCase(
            effective: ["[]", "[0, 257]", "[2.0]"],
            refused: ["null", "[258]", "[-1]", "[1.5]", #"["1"]"#, "1", #""x""#, "{}", "[[1]]"]),
    ]
}
