import ForetokenDecoding
import ForetokenFiles
import ForetokenText
import Foundation
import Testing

@testable import ForetokenServing

/// `/v1/completions`, against decoding without a server.
@Suite(.serialized) struct CompletionTests {
    private static let prompt = "def add(a, b):\n"

    private func alone(
        _ server: TestServer, _ prompt: String = prompt, tokens: Int = 24, _ sampler: Sampler = Sampler(),
        stops: [String] = []
    ) async throws -> String {
        try await server.model.language.text(
            prompt, maximumTokens: tokens, heads: 1, sampler: sampler, stopStrings: stops)
    }

    @Test func theTextIsThatOfDecodingWhateverTheHeads() async throws {
        let server = try TestServer()
        var sampler = Sampler(temperature: 0.8, seed: 7)
        (sampler.topP, sampler.topK, sampler.minP) = (0.95, 50, 0.01)
        (sampler.presencePenalty, sampler.frequencyPenalty, sampler.repetitionPenalty) = (0.5, 0.25, 1.1)
        sampler.logitBias = [10: -2]
        let body =
            ([
                "prompt": .string(Self.prompt), "max_tokens": 24, "temperature": 0.8, "seed": 7, "top_p": 0.95,
                "top_k": 50,
                "min_p": 0.01, "presence_penalty": 0.5, "frequency_penalty": 0.25, "repetition_penalty": 1.1,
                "logit_bias": ["10": -2], "logprobs": 2,
            ] as JSONValue).object
        let expected = try await alone(server, Self.prompt, sampler)
        var first: Answered?
        for change: (String, JSONValue) in [
            ("speculative", true), ("speculative", false), ("heads", 1), ("heads", 3), ("heads", 8), ("stream", false),
        ] {
            var body = body
            body[change.0] = change.1
            let choice = try await server.post("/v1/completions", .object(body))["choices"][0]
            #expect(choice["text"].string == expected)
            #expect(choice["logprobs"] == (first ?? choice)["logprobs"])
            first = first ?? choice
        }
    }

    @Test func aStreamIsTheWholeInParts() async throws {
        let server = try TestServer()
        let body =
            ([
                "prompt": [.string(Self.prompt), "import os\n"], "max_tokens": 20, "temperature": 1, "seed": 3, "n": 2,
                "logprobs": 1, "echo": true, "timings": true,
            ] as JSONValue).object
        let whole = try await server.post("/v1/completions", .object(body))
        var streamed = body
        (streamed["stream"], streamed["stream_options"]) = (true, ["include_usage": true])
        let chunks = try await server.stream("/v1/completions", .object(streamed))
        #expect(Set(chunks.map { $0["id"].string ?? "" }).count == 1)
        #expect(Set(chunks.map { $0["created"].integer ?? 0 }).count == 1)
        #expect(chunks.allSatisfy { $0["object"].string == "text_completion" && $0["model"].string == "bytes" })
        let usage = try #require(chunks.last)
        #expect(usage["choices"].array.isEmpty)
        // The second time, the prompts come from the cache.
        for key in ["prompt_tokens", "completion_tokens", "total_tokens"] {
            #expect(usage["usage"][key] == whole["usage"][key])
        }
        #expect(chunks.dropLast().allSatisfy { $0.keys.contains("usage") && $0["usage"].value == .null })
        for (index, choice) in whole["choices"].array.enumerated() {
            #expect(choice["index"].integer == index)
            let parts = chunks.map { $0["choices"][0] }.filter { $0["index"].integer == index }
            #expect(parts.compactMap { $0["text"].string }.joined() == choice["text"].string)
            for key in ["tokens", "token_logprobs", "top_logprobs", "text_offset"] {
                #expect(parts.flatMap { $0["logprobs"][key].array } == choice["logprobs"][key].array)
            }
            #expect(parts.dropLast().allSatisfy { $0["finish_reason"].value == .null })
            #expect(parts.last?["finish_reason"] == choice["finish_reason"])
        }
    }

    @Test func completionsHaveTheSeedsAfterOneAnother() async throws {
        let server = try TestServer()
        let answer = try await server.post(
            "/v1/completions",
            ["prompt": [.string(Self.prompt), "x"], "max_tokens": 12, "temperature": 1, "seed": 40, "n": 3])
        for (index, choice) in answer["choices"].array.enumerated() {
            let expected = try await alone(
                server, index < 3 ? Self.prompt : "x", tokens: 12,
                Sampler(temperature: 1, seed: 40 + UInt64(index % 3)))
            #expect(choice["text"].string == expected)
        }
        #expect(answer["usage"]["prompt_tokens"].integer == 16 + 2)
    }

    /// Echoed prompts with log-probabilities: the sum is the loss that decoding computes, bit for bit.
    @Test(arguments: [0, 1, 5]) func echoedPromptsCarryTheirLikelihoods(tokens: Int) async throws {
        let server = try TestServer()
        let texts = [
            Self.prompt,
            "for i in range(10):\n    print(i)\n# and more text, so that it takes several passes: 0123456789",
        ]
        let prompts = texts.map { server.model.language.tokens(of: $0) }
        let body =
            ([
                "prompt": .array(prompts.map { .array($0.map { .integer(Int($0)) }) }), "max_tokens": .integer(tokens),
                "temperature": 0, "logprobs": 1, "echo": true,
            ] as JSONValue).object
        for heads in [1, 8] {
            var body = body
            body["heads"] = .integer(heads)
            let answer = try await server.post("/v1/completions", .object(body))
            for (choice, prompt) in zip(answer["choices"].array, prompts) {
                let scores = choice["logprobs"]["token_logprobs"].array.prefix(prompt.count).map(\.number)
                #expect(scores.count == prompt.count && scores[0] == nil)
                let loss = try DecodedLoss(server.model.language.model, texts: [prompt])
                #expect(scores.dropFirst().reduce(0.0) { $0 - ($1 ?? .nan) } / Double(prompt.count - 1) == loss.nats)
                // A token is greedy exactly if its value is the largest.
                for (score, top) in zip(scores, choice["logprobs"]["top_logprobs"].array).dropFirst() {
                    let values = top.keys.compactMap { top[$0].number }
                    #expect(values.contains { $0 == score } && values.allSatisfy { $0 >= score ?? 0 })
                }
                if tokens == 0 { #expect(choice["finish_reason"].string == "length") }
            }
            #expect(answer["usage"]["completion_tokens"].integer == tokens * 2)
        }
    }

    /// lm-evaluation-harness reads `token_logprobs[context:-1]` of an echo with one token: an end of text has its entry, too.
    @Test func anEndOfTextHasItsLogProbability() async throws {
        let server = try TestServer()
        let answer = try await server.post(
            "/v1/completions",
            [
                "prompt": [256, 65, 66], "max_tokens": 1, "logprobs": 1, "echo": true, "temperature": 0,
                "logit_bias": ["257": 100],
            ])
        let logprobs = answer["choices"][0]["logprobs"]
        #expect(logprobs["token_logprobs"].array.count == 4 && logprobs["top_logprobs"].array.count == 4)
        #expect(answer["choices"][0]["finish_reason"].string == "stop")
    }

    @Test func textsEndAtStopsAndLimits() async throws {
        let server = try TestServer()
        let free = try await alone(server, tokens: 40)
        let stop = String(free.dropFirst(10).prefix(3))
        let stopped = try await server.post(
            "/v1/completions",
            ["prompt": .string(Self.prompt), "max_tokens": 40, "temperature": 0, "stop": [.string(stop)]])
        #expect(stopped["choices"][0]["text"].string == free.components(separatedBy: stop)[0])
        #expect(stopped["choices"][0]["finish_reason"].string == "stop")
        let full = try await server.post(
            "/v1/completions",
            [
                "prompt": .string(String(repeating: "x", count: 500)), "max_tokens": -1, "temperature": 0,
                "ignore_eos": true,
            ])
        #expect(full["usage"]["total_tokens"].integer == 512)
        #expect(full["choices"][0]["finish_reason"].string == "length")
        let long = try await server.failure(
            "/v1/completions", ["prompt": .string(String(repeating: "x", count: 600)), "max_tokens": 1])
        #expect(long.status == 400 && long.error["code"].string == "context_length_exceeded")
        #expect(long.error["message"].string?.contains("maximum context length is 512 tokens") == true)
    }

    @Test func charactersAreWholeInStreams() async throws {
        let server = try TestServer()
        // Bytes of é and of half a character.
        let chunks = try await server.stream(
            "/v1/completions",
            [
                "prompt": "x", "max_tokens": 5, "temperature": 0, "stream": true, "logit_bias": ["195": 100],
                "logprobs": 0,
            ])
        let text = chunks.compactMap { $0["choices"][0]["text"].string }.joined()
        #expect(text == "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}")
        let bytes = chunks.flatMap { $0["choices"][0]["logprobs"]["tokens"].array }.map(\.string)
        #expect(bytes == [String?](repeating: "bytes:\\xc3", count: 5))
    }

    @Test func whatTheModelCannotIsRefused() async throws {
        let server = try TestServer()
        for (key, value): (String, JSONValue) in [
            ("suffix", "end"), ("heads", 9), ("best_of", 2), ("response_format", ["type": "json_object"]),
        ] {
            var body = (["prompt": "x"] as JSONValue).object
            body[key] = value
            let failure = try await server.failure("/v1/completions", .object(body))
            #expect(failure.status == 400 && failure.error["param"].string == key, "\(failure.error)")
        }
        let tokens = try await server.failure("/v1/completions", ["prompt": [258]])
        #expect(tokens.status == 400 && tokens.error["param"].string == "prompt")
        let empty = try await server.failure("/v1/completions", ["prompt": [[]]])
        #expect(empty.status == 400)
    }
}

extension JSONValue {
    var object: JSONObject { if case .object(let object) = self { object } else { JSONObject() } }
}
