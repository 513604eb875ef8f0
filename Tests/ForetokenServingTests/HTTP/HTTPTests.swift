#if Server
    import CoreMetrics
    import Foundation
    import ForetokenDecoding
    import ForetokenFiles
    import Hummingbird
    import Logging
    import ServiceLifecycle
    import Testing

    @testable import ForetokenServing

    /// The server as its clients meet it, over sockets.
    @Suite(.serialized) struct HTTPTests {
        /// A request that keeps a batch busy for seconds.
        private static let long =
            #"{"prompt": "x", "max_tokens": 500, "ignore_eos": true, "heads": 1, "n": 40, "temperature": 1}"#
        private static let short = #"{"prompt": "x", "max_tokens": 3}"#

        /// Runs a server on a free port beside a test; returns when it has stopped.
        private func withServer(
            _ settings: ServerSettings = ServerSettings(), limits: HTTPLimits = HTTPLimits(),
            _ body:
                @escaping @Sendable (_ port: Int, _ server: TestServer, _ stop: @escaping @Sendable () async -> Void)
                async throws -> Void
        ) async throws {
            let test = try TestServer(settings)
            let (ports, found) = AsyncStream.makeStream(of: Int.self)
            var logger = Logger(label: "test")
            logger.logLevel = .critical
            let server = try ForetokenServer(
                test.api, address: .hostname("127.0.0.1", port: 0), limits: limits, logger: logger,
                isListening: { found.yield($0 ?? 0) }, models: { [test.model] })
            let group = ServiceGroup(services: [server], logger: logger)
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                for await port in ports.prefix(1) {
                    do {
                        try await body(port, test) { await group.triggerGracefulShutdown() }
                    } catch {
                        Issue.record(error)
                    }
                }
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
        }

        /// Whether something comes true within ten seconds.
        private static func eventually(_ condition: () async -> Bool) async throws -> Bool {
            for _ in 0..<1000 {
                if await condition() { return true }
                try await Task.sleep(for: .milliseconds(10))
            }
            return false
        }

        /// Whether an engine soon has nothing to do.
        private static func becomesIdle(_ server: TestServer) async throws -> Bool {
            try await eventually {
                let isBusy = await server.model.language.engine.isBusy
                return !isBusy && server.api.admission.count == 0
            }
        }

        private static func isBusy(_ server: TestServer) async throws -> Bool {
            try await eventually { await server.model.language.engine.isBusy }
        }

        @Test func aConnectionCarriesManyRequests() async throws {
            try await withServer { port, _, _ in
                let connection = try await Connection.open(port)
                for _ in 0..<3 {
                    for (path, body, expected) in [
                        ("/v1/completions", Self.short, "\"object\":\"text_completion\""),
                        ("/v1/completions", "not JSON", "invalid_request_error"),
                        (
                            "/v1/completions", #"{"prompt": "x", "stream": true, "max_tokens": 2}"#,
                            "data: [DONE]\n\n\r\n0\r\n\r\n"
                        ),
                        ("/nowhere", "{}", "unknown_url"),
                    ] {
                        connection.clear()
                        try await connection.post(path, body)
                        #expect(try await connection.text(until: expected).contains(expected))
                    }
                }
                try await connection.close()
            }
        }

        /// A client that leaves frees its place: streamed, not streamed, and while it waits.
        @Test(arguments: [false, true]) func aClientThatLeavesIsForgotten(streams: Bool) async throws {
            var settings = ServerSettings()
            settings.parallel = 2
            try await withServer(settings) { port, server, _ in
                let body = streams ? Self.long.dropLast() + #", "stream": true}"# : Self.long[...]
                let connection = try await Connection.open(port)
                try await connection.post("/v1/completions", String(body))
                #expect(try await Self.isBusy(server))
                let waiting = try await Connection.open(port)
                try await waiting.post("/v1/completions", String(body))
                #expect(try await Self.eventually { server.api.admission.count == 80 })
                try await waiting.close()
                #expect(try await Self.eventually { server.api.admission.count == 40 })
                try await connection.close()
                #expect(try await Self.becomesIdle(server))
            }
        }

        /// A client that does not read delays nobody else.
        @Test func aClientThatDoesNotReadStopsOnlyItsOwnText() async throws {
            try await withServer { port, server, _ in
                let sleeper = try await Connection.open(port, readsLittle: true)
                try await sleeper.post(
                    "/v1/completions", Self.long.dropLast() + #", "stream": true, "logprobs": 20}"#)
                #expect(try await Self.isBusy(server))
                for _ in 0..<5 {
                    let connection = try await Connection.open(port)
                    try await connection.post("/v1/completions", Self.short)
                    #expect(try await connection.text(until: "usage").contains("200 OK"))
                    try await connection.close()
                }
                try await sleeper.close()
                #expect(try await Self.becomesIdle(server))
            }
        }

        @Test func aSilentStreamHasComments() async throws {
            var limits = HTTPLimits()
            limits.silence = .milliseconds(100)
            var settings = ServerSettings()
            settings.parallel = 1
            try await withServer(settings, limits: limits) { port, _, _ in
                let busy = try await Connection.open(port)
                try await busy.post("/v1/completions", Self.long)
                let connection = try await Connection.open(port)
                try await connection.post("/v1/completions", #"{"prompt": "x", "stream": true, "max_tokens": 2}"#)
                #expect(try await connection.text(until: ": ping\n\n").contains("200 OK"))
                #expect(try await connection.text(until: ": ping\n\n").contains(": ping\n\n"))
                try await busy.close()
                #expect(try await connection.text(until: "[DONE]").contains("[DONE]"))
                try await connection.close()
            }
        }

        @Test func bodiesAndHeadsHaveLimits() async throws {
            var limits = HTTPLimits()
            limits.bodyBytes = 1000
            (limits.bodyTime, limits.idleTime) = (.milliseconds(300), .seconds(1))
            try await withServer(limits: limits) { port, server, _ in
                let large = try await Connection.open(port)
                try await large.post("/v1/completions", String(repeating: " ", count: 1001))
                #expect(try await large.text(until: "body_too_large").contains("413"))
                let chunked = try await Connection.open(port)
                try await chunked.send("POST /v1/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
                for _ in 0..<3 {
                    try? await chunked.send("1f4\r\n\(String(repeating: " ", count: 500))\r\n")
                }
                #expect(try await chunked.text(until: "body_too_large").contains("413"))
                let slow = try await Connection.open(port)
                try await slow.send("POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{")
                #expect(try await slow.text(until: "timeout").contains("408"))
                #expect(try await slow.isClosed())
                let head = try await Connection.open(port)
                try await head.send("GET /health HTTP/1.1\r\nHost:")
                #expect(try await head.isClosed())
                let idle = try await Connection.open(port)
                #expect(try await idle.isClosed())
                #expect(server.api.admission.count == 0)
            }
        }

        /// What is in progress ends; what comes later is refused.
        @Test func aShutdownLetsRequestsEnd() async throws {
            try await withServer { port, server, stop in
                let connection = try await Connection.open(port)
                try await connection.post(
                    "/v1/completions",
                    #"{"prompt": "x", "max_tokens": 300, "ignore_eos": true, "stream": true, "heads": 1}"#)
                #expect(try await connection.text(until: "data:").contains("200 OK"))
                let other = try await Connection.open(port)
                await stop()
                #expect(try await connection.text(until: "[DONE]").contains("[DONE]"))
                #expect(try await other.isClosed())
                await #expect(throws: (any Error).self) { try await Connection.open(port).send("x") }
            }
        }

        /// The web server's metrics, by swift-metrics, stand beside the others.
        @Test func otherMetricsAreShown() async throws {
            let test = try TestServer()
            let factory = test.api.metricsFactory
            factory.makeCounter(label: "http.requests", dimensions: [("http.route", "/v1/\"x\"")]).increment(by: 3)
            factory.makeTimer(label: "http.duration", dimensions: []).recordNanoseconds(2_000_000_000)
            factory.makeMeter(label: "active", dimensions: []).set(2.5)
            let text = try await test.send("GET", "/metrics").text
            #expect(text.contains("foretoken:http_requests_total{http_route=\"/v1/\\\"x\\\"\"} 3\n"))
            #expect(text.contains("foretoken:http_duration_seconds_sum 2\n"))
            #expect(text.contains("foretoken:active 2.5\n"))
        }

        @Test func whatTheWebServerLeavesOutIsDone() async throws {
            try await withServer { port, _, _ in
                let waiting = try await Connection.open(port)
                try await waiting.send(
                    "POST /v1/completions HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: \(Self.short.utf8.count)\r\n\r\n"
                )
                #expect(try await waiting.text(until: "100 Continue").hasPrefix("HTTP/1.1 100 Continue\r\n"))
                try await waiting.send(Self.short)
                #expect(try await waiting.text(until: "usage").contains("HTTP/1.1 200 OK"))
                try await waiting.close()
                let old = try await Connection.open(port)
                try await old.send("GET /health HTTP/1.0\r\n\r\n")
                #expect(try await old.isClosed())
                #expect(try await old.text(until: "ok").contains("200 OK"))
                let head = try await Connection.open(port)
                try await head.send(
                    "HEAD /health HTTP/1.1\r\nHost: x\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                )
                #expect(try await head.isClosed())
                let answers = try await head.text(until: "\u{0}")
                #expect(answers.components(separatedBy: "HTTP/1.1 200 OK").count == 3)
                #expect(answers.components(separatedBy: "{").count == 2)
            }
        }

        @Test func pagesOfOtherSitesMayAsk() async throws {
            try await withServer { port, _, _ in
                let connection = try await Connection.open(port)
                try await connection.send(
                    "OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: x\r\nOrigin: http://page\r\nAccess-Control-Request-Method: POST\r\n"
                        + "Access-Control-Request-Headers: authorization, x-stainless-os\r\n\r\n")
                let text = try await connection.text(until: "\r\n\r\n").lowercased()
                #expect(text.contains("204") && text.contains("access-control-allow-origin: *"))
                #expect(text.contains("access-control-allow-headers: authorization, x-stainless-os"))
                try await connection.close()
            }
        }
    }
#endif
