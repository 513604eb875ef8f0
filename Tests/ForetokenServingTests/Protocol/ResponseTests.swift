import ForetokenDecoding
import ForetokenFiles
import Testing

@testable import ForetokenServing

/// The exact text of every answer.
@Suite struct ResponseTests {
    private typealias Examples = ResponseExamples

    private func completionWriter(
        echoes: Bool = false, _ change: (inout GenerationOptions) -> Void = { _ in }
    ) -> CompletionWriter {
        CompletionWriter(
            Examples.identity, options: Examples.options(change), echoes: echoes, texts: Examples.texts)
    }

    private func chatWriter(_ change: (inout GenerationOptions) -> Void = { _ in }) -> ChatWriter {
        ChatWriter(Examples.identity, options: Examples.options(change), texts: Examples.texts)
    }

    private func choice(_ index: Int = 0, scored: Bool = false, prompt: ScoredPrompt? = nil) -> Choice {
        Choice(index: index, prompt: prompt, pieces: Examples.pieces(scored: scored), finish: .stop)
    }

    // MARK: Whole answers

    @Test func completions() throws {
        try Recorded.expect(
            completionWriter().response([choice()], usage: Examples.usage, timings: Examples.timings),
            "completion.json")
        var second = choice(1)
        second.finish = .length
        try Recorded.expect(
            completionWriter { $0.timings = .atEnd }
                .response([choice(), second], usage: Examples.usage, timings: Examples.timings),
            "completion-n.json")
    }

    @Test func completionsWithLogProbabilities() throws {
        try Recorded.expect(
            completionWriter { $0.logProbabilities = 2 }.response([choice(scored: true)], usage: Examples.usage),
            "completion-logprobs.json")
        try Recorded.expect(
            completionWriter { $0.logProbabilities = 0 }.response([choice(scored: true)], usage: Examples.usage),
            "completion-logprobs-0.json")
        try Recorded.expect(
            completionWriter { ($0.logProbabilities, $0.namesTokensByID) = (1, true) }
                .response([choice(scored: true)], usage: Examples.usage), "completion-logprobs-ids.json")
    }

    @Test func echoes() throws {
        let choices = [choice(scored: true, prompt: Examples.prompt)]
        try Recorded.expect(
            completionWriter(echoes: true) { $0.logProbabilities = 1 }.response(choices, usage: Examples.usage),
            "completion-echo.json")
        try Recorded.expect(
            completionWriter(echoes: true).response(choices, usage: Examples.usage), "completion-echo-plain.json")
        try Recorded.expect(
            completionWriter { ($0.promptLogProbabilities, $0.returnsTokenIDs) = (1, true) }
                .response(choices, usage: Examples.usage), "completion-prompt-logprobs.json")
    }

    @Test func chats() throws {
        try Recorded.expect(chatWriter().response([choice()], usage: Examples.usage), "chat.json")
        try Recorded.expect(
            chatWriter { ($0.logProbabilities, $0.timings, $0.returnsTokenIDs) = (2, .atEnd, true) }
                .response([choice(scored: true)], usage: Examples.usage, timings: Examples.timings),
            "chat-logprobs.json")
        try Recorded.expect(
            chatWriter { $0.logProbabilities = 0 }.response([choice(scored: true)], usage: Examples.usage),
            "chat-logprobs-0.json")
    }

    @Test func infills() throws {
        let writer = InfillWriter(model: "m", options: Examples.options { $0.returnsTokenIDs = true })
        try Recorded.expect(
            writer.end(
                Examples.pieces(scored: false), reason: .stopString, stoppingWord: "\n\n", usage: Examples.usage,
                timings: Examples.timings), "infill.json")
    }

    // MARK: Streams

    /// Each token in a chunk of its own, then the counts.
    private func frames(_ chunk: (Choice) -> String?, _ usage: String?, _ scored: Bool, prompt: ScoredPrompt? = nil)
        -> String
    {
        var text = EventStream.ping
        let pieces = Examples.pieces(scored: scored)
        for (index, piece) in pieces.enumerated() {
            let part = Choice(
                index: 0, prompt: index == 0 ? prompt : nil, pieces: [piece],
                finish: index == pieces.count - 1 ? .stop : nil)
            if let json = chunk(part) { text += EventStream.data(json) }
        }
        if let usage { text += EventStream.data(usage) }
        return text + EventStream.done
    }

    @Test func completionStreams() throws {
        var plain = completionWriter()
        try Recorded.expect(
            frames({ plain.chunk($0, timings: Examples.timings) }, plain.usageChunk(Examples.usage), false),
            "completion-stream.txt")
        var full = completionWriter(echoes: true) {
            ($0.logProbabilities, $0.includesUsage, $0.timings) = (1, true, .atEnd)
        }
        let usage = full.usageChunk(Examples.usage)
        try Recorded.expect(
            frames({ full.chunk($0, timings: Examples.timings) }, usage, true, prompt: Examples.prompt),
            "completion-stream-logprobs.txt")
    }

    @Test func chatStreams() throws {
        var plain = chatWriter()
        try Recorded.expect(
            frames({ plain.chunk($0) }, plain.usageChunk(Examples.usage), false), "chat-stream.txt")
        var full = chatWriter { ($0.logProbabilities, $0.includesUsage, $0.timings) = (2, true, .perChunk) }
        let usage = full.usageChunk(Examples.usage)
        try Recorded.expect(
            frames({ full.chunk($0, timings: Examples.timings) }, usage, true), "chat-stream-logprobs.txt")
    }

    @Test func infillStreams() throws {
        let writer = InfillWriter(model: "m", options: Examples.options { $0.timings = .atEnd })
        let pieces = Examples.pieces(scored: false)
        let text = pieces.compactMap { writer.chunk([$0], timings: Examples.timings) }.map(EventStream.data).joined()
        let end = writer.end([], reason: .contextFull, usage: Examples.usage, timings: Examples.timings)
        try Recorded.expect(text + EventStream.data(end), "infill-stream.txt")
    }

    /// However a stream is cut into chunks, its parts together are the whole answer.
    @Test func streamsAddUpToTheWhole() throws {
        let pieces = Examples.pieces(scored: true)
        func logprobs(_ json: String?) throws -> JSONNode? {
            guard let json else { return nil }
            return try JSONNode(JSONValue(parsing: json, file: ""), file: "")["choices"].array()[0]
        }
        let whole = try #require(
            try logprobs(
                completionWriter(echoes: true) { $0.logProbabilities = 2 }.response(
                    [Choice(index: 0, prompt: Examples.prompt, pieces: pieces, finish: .length)], usage: Usage())))
        for cuts in 0..<(1 << (pieces.count - 1)) {
            var writer = completionWriter(echoes: true) { $0.logProbabilities = 2 }
            var parts: [[TextPiece]] = [[]]
            for (index, piece) in pieces.enumerated() {
                parts[parts.count - 1].append(piece)
                if index < pieces.count - 1, cuts >> index & 1 == 1 { parts.append([]) }
            }
            var text = ""
            var lists: [String: [JSONValue]] = [:]
            for (index, part) in parts.enumerated() {
                let chunk = try logprobs(
                    writer.chunk(
                        Choice(
                            index: 0, prompt: index == 0 ? Examples.prompt : nil, pieces: part,
                            finish: index == parts.count - 1 ? .length : nil)))
                guard let chunk else { continue }
                text += try chunk["text"].string()
                for key in ["tokens", "token_logprobs", "top_logprobs", "text_offset"] {
                    lists[key, default: []] += try chunk["logprobs"][key].array().map { $0.value ?? .null }
                }
            }
            #expect(try text == whole["text"].string())
            for (key, values) in lists {
                #expect(try whole["logprobs"][key].value == .array(values), "\(cuts) \(key)")
            }
        }
    }

    @Test func silentPartsOfAStreamHaveNoChunk() {
        var completions = completionWriter()
        var chat = chatWriter()
        let part = Choice(index: 0, pieces: [Examples.piece("", 226)], finish: nil)
        #expect(completions.chunk(part) == nil && chat.chunk(part) == nil)
        #expect(completions.chunk(Choice(index: 0, pieces: [], finish: nil)) == nil)
        #expect(InfillWriter(model: "m", options: Examples.options()).chunk(part.pieces) == nil)
    }

    @Test func theRoleComesOnceForEveryChoice() {
        var writer = chatWriter()
        var roles = [0, 0]
        for index in [0, 1, 1, 0, 1, 0] {
            let chunk = writer.chunk(Choice(index: index, pieces: [Examples.piece("x", 120)], finish: nil))
            if chunk?.contains(#""role":"assistant""#) == true { roles[index] += 1 }
        }
        #expect(roles == [1, 1])
    }

    // MARK: The server and its models

    @Test func models() throws {
        try Recorded.expect(ModelDescription.list([Examples.model]), "models.json")
        try Recorded.expect(Examples.model.json, "model.json")
        try Recorded.expect(Examples.model.tokenizerInfo, "tokenizer_info.json")
        try Recorded.expect(
            Examples.model.properties(slots: 2, build: "foretoken 1", canInfill: false), "props.json")
        try Recorded.expect(
            Examples.model.slots([SlotState(), SlotState(promptTokens: 3, generatedTokens: 4, heads: 2)]),
            "slots.json")
        try Recorded.expect(ModelDescription.healthy, "health.json")
    }

    @Test func tokens() throws {
        let tokens: [Int32] = [256, 104, 226, 130, 172]
        func body(_ text: String) throws -> TokenizeBody {
            try TokenizeBody(parsing: Array(text.utf8), RequestCases.limits)
        }
        try Recorded.expect(Examples.model.tokenized(tokens, body(#"{"prompt": "x"}"#)), "tokenize.json")
        try Recorded.expect(
            Examples.model.tokenized(tokens, body(#"{"prompt": "x", "return_token_strs": true}"#)),
            "tokenize-strs.json")
        try Recorded.expect(
            Examples.model.tokenized(tokens, body(#"{"content": "x", "with_pieces": true}"#)), "tokenize-pieces.json")
        try Recorded.expect(Examples.model.detokenized(tokens), "detokenize.json")
        try Recorded.expect(ModelDescription.appliedTemplate("a\"b\n"), "apply-template.json")
    }

    @Test func errors() throws {
        let errors: [(String, APIError)] = [
            ("bad-json", APIError.malformed(try #require(thrownJSONError()))),
            ("value", .invalid("'x' must be y.", parameter: "x")),
            ("unsupported", .unsupported("tools", remedy: "send []")),
            (
                "context",
                .contextLengthExceeded(prompt: 5000, completion: 16, contextLength: 4096, parameter: "prompt")
            ),
            ("context-prompt", .contextLengthExceeded(prompt: 5000, contextLength: 4096, parameter: "messages")),
            ("no-key", .unauthorized(hasKey: false)), ("key", .unauthorized(hasKey: true)),
            ("path", .notFound("GET", "/x\u{1B}")), ("method", .methodNotAllowed("PUT", "/x", allowed: ["GET"])),
            ("large", .bodyTooLarge(limit: 10)), ("slow", .bodyTooSlow(seconds: 10)),
            ("queue", .overloaded(queue: 8, retryAfterSeconds: 2)), ("loading", .loading),
            ("shutdown", .shuttingDown), ("time", .timedOut(seconds: 60)), ("server", .server("x")),
        ]
        let lines = errors.map { "\($0.0) \($0.1.status) \($0.1.json)" }
        try Recorded.expect(lines.joined(separator: "\n"), "errors.txt")
    }

    private func thrownJSONError() -> JSONError? {
        do {
            _ = try JSONValue(parsing: "{\n \"a\": }", file: "body")
            return nil
        } catch {
            return error as? JSONError
        }
    }
}
