import ForetokenDecoding
import ForetokenFiles
import ForetokenText
import Testing

@testable import ForetokenServing

/// What requests mean, key by key, beyond being accepted.
@Suite struct RequestMeaningTests {
    private func completion(_ text: String) throws -> CompletionBody {
        try CompletionBody(parsing: Array(text.utf8), RequestCases.limits)
    }

    private func chat(_ rest: String) throws -> ChatBody {
        let text = #"{"messages": [{"role": "user", "content": "x"}]"# + rest + "}"
        return try ChatBody(parsing: Array(text.utf8), RequestCases.limits)
    }

    private func infill(_ rest: String) throws -> InfillBody {
        let text = #"{"input_prefix": "a", "input_suffix": "b""# + rest + "}"
        return try InfillBody(parsing: Array(text.utf8), RequestCases.limits)
    }

    @Test func defaultsAreOpenAIs() throws {
        let options = try completion(#"{"prompt": "x"}"#).options
        #expect(options.sampler == Sampler(temperature: 1))
        #expect(options.maximumTokens == 16 && options.completions == 1 && options.seed == nil && options.heads == nil)
        #expect(options.logProbabilities == nil && !options.streams && options.timings == .none)
        #expect(try chat("").options.maximumTokens == nil)
        #expect(try chat("").options.sampler == Sampler(temperature: 1))
    }

    @Test func infillDefaultsAreLlamas() throws {
        let sampler = try infill("").options.sampler
        #expect(sampler.temperature == 0.8 && sampler.topK == 40 && sampler.topP == 0.95 && sampler.minP == 0.05)
        #expect(try infill("").options.maximumTokens == nil)
        #expect(try infill("").options.timings == .atEnd)
    }

    @Test func everySamplerSetting() throws {
        let sampler = try completion(
            #"""
            {"prompt": "x", "temperature": 0.5, "top_p": 0.9, "top_k": 7, "min_p": 0.1, "presence_penalty": -1,
             "frequency_penalty": 1.5, "repetition_penalty": 1.25, "seed": 3, "logit_bias": {"5": -100, "6": 2.5}}
            """#
        ).options.sampler
        var expected = Sampler(temperature: 0.5, seed: 3)
        (expected.topP, expected.topK, expected.minP) = (0.9, 7, 0.1)
        (expected.presencePenalty, expected.frequencyPenalty, expected.repetitionPenalty) = (-1, 1.5, 1.25)
        expected.logitBias = [5: -100, 6: 2.5]
        #expect(sampler == expected)
    }

    @Test func topPOfZeroKeepsTheMostLikelyToken() throws {
        let topP = try completion(#"{"prompt": "x", "top_p": 0}"#).options.sampler.topP
        #expect(topP > 0 && topP < 1e-300)
    }

    @Test func seeds() throws {
        func seed(_ text: String) throws -> UInt64? {
            try completion("{\"prompt\": \"x\", \"seed\": \(text)}").options.seed
        }
        #expect(try seed("0") == 0 && seed("7") == 7)
        #expect(try seed("-2") == UInt64.max - 1)
        #expect(try seed("-9223372036854775808") == 1 << 63)
        #expect(try seed("-1") == nil && seed("null") == nil)
    }

    @Test func prompts() throws {
        func prompts(_ text: String) throws -> [CompletionBody.Prompt] {
            try completion("{\"prompt\": \(text)}").prompts
        }
        #expect(try prompts(#""a""#) == [.text("a")])
        #expect(try prompts(#"["a", ""]"#) == [.text("a"), .text("")])
        #expect(try prompts("[1, 2]") == [.tokens([1, 2])])
        #expect(try prompts("[[1], [2, 3]]") == [.tokens([1]), .tokens([2, 3])])
    }

    @Test func maximumTokens() throws {
        #expect(try completion(#"{"prompt": "x", "max_tokens": -1}"#).options.maximumTokens == nil)
        #expect(try completion(#"{"prompt": "x", "max_tokens": 0}"#).options.maximumTokens == 0)
        #expect(try completion(#"{"prompt": "x", "n_predict": 3}"#).options.maximumTokens == 3)
        #expect(try completion(#"{"prompt": "x", "max_tokens": 4, "n_predict": 3}"#).options.maximumTokens == 4)
        #expect(try chat(#", "max_tokens": 4, "max_completion_tokens": 5"#).options.maximumTokens == 5)
        #expect(try chat(#", "max_tokens": 4"#).options.maximumTokens == 4)
        #expect(try chat(#", "max_tokens": 4, "max_completion_tokens": null"#).options.maximumTokens == 4)
        #expect(try infill(#", "n_predict": 0"#).options.maximumTokens == 0)
    }

    @Test func logProbabilities() throws {
        #expect(try completion(#"{"prompt": "x", "logprobs": 0}"#).options.logProbabilities == 0)
        #expect(try completion(#"{"prompt": "x", "logprobs": true}"#).options.logProbabilities == 1)
        #expect(try completion(#"{"prompt": "x", "logprobs": false}"#).options.logProbabilities == nil)
        #expect(try chat(#", "logprobs": true"#).options.logProbabilities == 0)
        #expect(try chat(#", "logprobs": true, "top_logprobs": 20"#).options.logProbabilities == 20)
        #expect(try chat(#", "logprobs": false, "top_logprobs": 0"#).options.logProbabilities == nil)
        #expect(throws: APIError.self) { try chat(#", "top_logprobs": 3"#) }
        #expect(throws: APIError.self) { try chat(#", "logprobs": false, "top_logprobs": 3"#) }
        #expect(throws: APIError.self) { try completion(#"{"prompt": "x", "prompt_logprobs": 1, "stream": true}"#) }
    }

    @Test func headsAndSpeculation() throws {
        #expect(try chat(#", "heads": 3"#).options.heads == 3)
        #expect(try chat(#", "speculative": false"#).options.heads == 1)
        #expect(try chat(#", "speculative": false, "heads": 1"#).options.heads == 1)
        #expect(try chat(#", "speculative": true, "heads": 2"#).options.heads == 2)
        #expect(throws: APIError.self) { try chat(#", "speculative": false, "heads": 2"#) }
    }

    @Test func ignoreEOSRulesOutTheEndTokens() throws {
        #expect(
            try chat(#", "ignore_eos": true, "logit_bias": {"3": 1}"#).options.sampler.logitBias == [3: 1, 257: -1e30])
    }

    @Test func bestOfAndTheNumberOfChoices() throws {
        #expect(try chat(#", "n": 3, "best_of": 3"#).options.completions == 3)
        #expect(throws: APIError.self) { try chat(#", "n": 3, "best_of": 4"#) }
        let prompts = [String](repeating: #""x""#, count: 1025).joined(separator: ",")
        #expect(throws: APIError.self) { try completion("{\"prompt\": [\(prompts)], \"n\": 2}") }
        #expect(try completion("{\"prompt\": [\(prompts)], \"n\": 1}").prompts.count == 1025)
    }

    @Test func repetitionPenaltyOfAWindowIsRefused() throws {
        #expect(try chat(#", "repeat_penalty": 1.1, "repeat_last_n": -1"#).options.sampler.repetitionPenalty == 1.1)
        #expect(throws: APIError.self) { try chat(#", "repeat_penalty": 1.1, "repeat_last_n": 64"#) }
        #expect(
            try chat(#", "repeat_penalty": 1.1, "repetition_penalty": 1.2"#).options.sampler.repetitionPenalty == 1.2)
    }

    @Test func suffixNeedsText() throws {
        #expect(try completion(#"{"prompt": "x", "suffix": "y"}"#).suffix == "y")
        #expect(try completion(#"{"prompt": "x", "suffix": ""}"#).suffix == nil)
        #expect(throws: APIError.self) { try completion(#"{"prompt": [1], "suffix": "y"}"#) }
    }

    @Test func streamsAndTimings() throws {
        let options = try chat(#", "stream": true, "stream_options": {"include_usage": true}, "timings": true"#).options
        #expect(options.streams && options.includesUsage && options.timings == .atEnd)
        #expect(try chat(#", "timings": true, "timings_per_token": true"#).options.timings == .perChunk)
        #expect(try chat(#", "n_indent": 4"#).options.indentation == 4)
        #expect(try chat(#", "t_max_predict_ms": 250"#).options.maximumMilliseconds == 250)
    }

    @Test func samplersOfLlama() throws {
        let some = try infill(#", "samplers": ["top_k", "top_p", "infill"], "temperature": 0.1"#).options.sampler
        #expect(some.topK == 40 && some.topP == 0.95 && some.minP == 0 && some.temperature == 1)
        let none = try infill(#", "samplers": [], "repeat_penalty": 1.5"#).options.sampler
        #expect(none == Sampler(temperature: 1))
        #expect(try infill(#", "samplers": ["top_k"], "temperature": 0"#).options.sampler.temperature == 0)
    }

    @Test func infillFiles() throws {
        let body = try infill(#", "prompt": "c", "input_extra": [{"filename": "f", "text": "t"}, {"text": "u"}]"#)
        #expect(body.prefix == "a" && body.suffix == "b" && body.prompt == "c")
        #expect(body.extra == [.init(filename: "f", text: "t"), .init(filename: "tmp", text: "u")])
    }

    @Test func tokenizeOfEitherServer() throws {
        func body(_ text: String) throws -> TokenizeBody {
            try TokenizeBody(parsing: Array(text.utf8), RequestCases.limits)
        }
        let vllm = try body(#"{"prompt": "x"}"#)
        #expect(vllm.input == .text("x") && vllm.addsBeginningOfText && vllm.parsesSpecialTokens)
        #expect(try !body(#"{"prompt": "x", "add_special_tokens": false}"#).addsBeginningOfText)
        let llama = try body(#"{"content": "x", "with_pieces": true, "parse_special": false}"#)
        #expect(
            llama.input == .text("x") && !llama.addsBeginningOfText && llama.returnsPieces && !llama.parsesSpecialTokens
        )
        #expect(try body(#"{"content": "x", "add_special": true}"#).addsBeginningOfText)
        #expect(throws: APIError.self) { try body("{}") }
        #expect(throws: APIError.self) { try body(#"{"prompt": "x", "content": "y"}"#) }
    }

    @Test func theDeveloperIsTheSystemUnlessTheTemplateKnowsIt() throws {
        let body = try ChatBody(
            parsing: Array(#"{"messages": [{"role": "developer", "content": "x", "name": "n"}]}"#.utf8),
            RequestCases.limits)
        func roles(_ template: String) -> [JSONValue] {
            let source = ChatTemplates.Source(file: "", bytes: Array(template.utf8))
            return body.conversation.messages(for: ChatTemplates(sources: ["default": source], specialTokens: [:]))
        }
        #expect(roles("{{ messages }}") == [["role": "system", "content": "x", "name": "n"]])
        #expect(roles("{% if role == 'developer' %}") == [["role": "developer", "content": "x", "name": "n"]])
    }

    @Test func templateVariables() throws {
        let body = try chat(#", "reasoning_effort": "low", "chat_template_kwargs": {"enable_thinking": false}"#)
        #expect(JSONValue.object(body.conversation.variables) == ["reasoning_effort": "low", "enable_thinking": false])
    }
}
