import ForetokenDecoding
import ForetokenFiles
import ForetokenText
import Foundation
import Synchronization
import Testing

@testable import ForetokenServing

/// What is answered, and what is refused.
@Suite(.serialized) struct APITests {
    @Test func conversationsAreAnsweredByTheTemplate() async throws {
        let server = try TestServer()
        let messages: JSONValue = [["role": "user", "content": "Say [system] x"]]
        let prompt = "[user]\nSay [system] x\n[assistant]\n"
        let applied = try await server.post("/apply-template", ["messages": messages])
        #expect(applied["prompt"].string == prompt)
        let expected = try await server.model.language.text(prompt, maximumTokens: 20, heads: 1)
        let body =
            ([
                "messages": messages, "max_completion_tokens": 20, "temperature": 0, "logprobs": true,
                "top_logprobs": 2,
            ] as JSONValue).object
        let whole = try await server.post("/v1/chat/completions", .object(body))
        #expect(whole["object"].string == "chat.completion")
        #expect(whole["choices"][0]["message"]["content"].string == expected)
        #expect(whole["choices"][0]["message"]["role"].string == "assistant")
        let content = whole["choices"][0]["logprobs"]["content"].array
        #expect(content.flatMap { $0["bytes"].array }.compactMap(\.integer) == expected.utf8.map(Int.init))
        var streamed = body
        streamed["stream"] = true
        let chunks = try await server.stream("/v1/chat/completions", .object(streamed))
        #expect(chunks.compactMap { $0["choices"][0]["delta"]["content"].string }.joined() == expected)
        #expect(chunks.map { $0["choices"][0]["delta"]["role"].string }.compactMap(\.self) == ["assistant"])
        #expect(chunks.first?["choices"][0]["delta"]["role"].string == "assistant")
        #expect(chunks.flatMap { $0["choices"][0]["logprobs"]["content"].array } == content)
        #expect(chunks.last?["choices"][0]["finish_reason"].string == "length")
        let tools = try await server.failure(
            "/v1/chat/completions", ["messages": messages, "tools": [["type": "function"]]])
        #expect(tools.status == 400 && tools.error["param"].string == "tools")
    }

    @Test func theModelAndItsTokenizerAreDescribed() async throws {
        let server = try TestServer()
        for path in [
            "/v1/models", "/v1/models/bytes", "/tokenizer_info", "/props", "/slots", "/health", "/openapi.json",
        ] {
            let (status, _, text) = try await server.send("GET", path)
            #expect(status == 200, "\(path): \(text)")
            _ = try JSONValue(parsing: text, file: path)
        }
        let tokens = try await server.post("/tokenize", ["prompt": "é"])
        #expect(tokens["tokens"].array.map(\.integer) == [256, 195, 169])
        let plain = try await server.post("/tokenize", ["content": "é"])
        #expect(plain["tokens"].array.map(\.integer) == [195, 169])
        let text = try await server.post("/detokenize", ["tokens": [195, 169]])
        #expect(text["prompt"].string == "é" && text["content"].string == "é")
        let metrics = try await server.send("GET", "/metrics")
        #expect(metrics.text.contains("foretoken:num_requests_running{model_name=\"bytes\"} 0"))
    }

    @Test func everyDescribedEndpointHasARouteAndTheOtherWayRound() {
        let described = Set(OpenAPIDocument.endpoints.map { "\($0.method) \($0.path)" })
        let routes = Set(API.routes.map { "\($0.method) \($0.path)" })
        #expect(routes.subtracting(described) == ["GET /"] && described.isSubset(of: routes))
    }

    @Test func failuresHaveOpenAIsForm() async throws {
        let server = try TestServer()
        for (method, path, status) in [
            ("GET", "/v2", 404), ("POST", "/v1/models", 405), ("GET", "/v1/completions", 405),
            ("GET", "/v1/models/other", 404), ("POST", "/v1/completions", 400), ("POST", "/infill", 400),
        ] {
            let (found, _, text) = try await server.send(method, path)
            #expect(found == status, "\(path)")
            let error = Answered(try JSONValue(parsing: text, file: path))["error"]
            #expect(error.keys == ["message", "type", "param", "code"] && error["message"].string?.isEmpty == false)
        }
    }

    @Test func keysAreAsked() async throws {
        var settings = ServerSettings()
        settings.keys = ["first", "second"]
        let server = try TestServer(settings)
        for (key, status): (String?, Int) in [
            (nil, 401), ("", 401), ("wrong", 401), ("firs", 401), ("first2", 401), ("first", 200), ("second", 200),
        ] {
            #expect(try await server.send("GET", "/v1/models", key: key).status == status)
        }
        #expect(try await server.send("GET", "/health").status == 200)
        #expect(try await server.send("GET", "/nothing").status == 404)
    }

    @Test func requestsWaitForTheModelAndEndBeforeTheServer() async throws {
        let server = try TestServer()
        let empty = API()
        let health = await empty.reply(to: ServerRequest("GET", "/health"))
        #expect(health.status == 503 && health.headers["Retry-After"] != nil)
        #expect(await empty.reply(to: ServerRequest("POST", "/v1/completions")).status == 503)
        server.api.beginShutdown()
        let refused = try await server.failure("/v1/completions", ["prompt": "x"])
        #expect(refused.status == 503 && refused.error["code"].string == "shutting_down")
        #expect(try await server.send("GET", "/health").status == 503)
        #expect(try await server.send("GET", "/v1/models").status == 200)
    }

    /// More texts than the queue holds are refused; the places are free again when the texts end, or their clients leave.
    @Test func theQueueIsBounded() async throws {
        var settings = ServerSettings()
        (settings.parallel, settings.queue) = (1, 2)
        let server = try TestServer(settings)
        let many = try await server.failure("/v1/completions", ["prompt": "x", "n": 4])
        #expect(many.status == 400 && many.error["code"].string == "too_many_completions")
        let body = Array(#"{"prompt": "x", "max_tokens": 400, "ignore_eos": true, "stream": true, "n": 2}"#.utf8)
        let first = await server.api.reply(to: ServerRequest("POST", "/v1/completions", body: body))
        #expect(first.status == 200)
        let refused = try await server.send("POST", "/v1/completions", ["prompt": "x", "n": 2])
        #expect(refused.status == 503 && refused.headers["Retry-After"] != nil)
        #expect(try await server.send("POST", "/v1/completions", ["prompt": "x", "max_tokens": 2]).status == 200)
        guard case .events(let events) = first.body else {
            Issue.record("no stream")
            return
        }
        struct Gone: Error {}
        let parts = Mutex(0)
        await #expect(throws: Gone.self) {
            try await events { _ in
                if parts.withLock({
                    $0 += 1; return $0
                }) > 3 {
                    throw Gone()
                }
            }
        }
        #expect(server.api.admission.count == 0)
    }

    @Test func aLongRequestEndsAtTheTimeLimit() async throws {
        var settings = ServerSettings()
        settings.timeout = .milliseconds(300)
        let server = try TestServer(settings)
        let failure = try await server.failure(
            "/v1/completions",
            ["prompt": "x", "max_tokens": 500, "ignore_eos": true, "n": 100, "heads": 1, "temperature": 1])
        #expect(failure.status == 504 && failure.error["code"].string == "timeout")
        // The texts are given up: the engine is idle soon.
        for _ in 0..<500 {
            if await !server.model.language.engine.isBusy { break }
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(await !server.model.language.engine.isBusy)
        #expect(server.api.admission.count == 0)
    }
}
