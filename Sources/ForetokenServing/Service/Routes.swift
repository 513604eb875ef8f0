import ForetokenDecoding
import ForetokenFiles

extension API {
    /// A method and a path, and what answers them.
    struct Route: Sendable {
        let method: String
        /// The path; `{model}` at its end stands for a name, slashes included.
        let path: String
        var needsKey = true
        let handler: @Sendable (API, ServerRequest) async throws(APIError) -> ServerReply

        /// What comes before the name, if the path ends with one.
        var prefix: Substring? { path.hasSuffix("{model}") ? path.dropLast("{model}".count) : nil }

        func matches(_ path: String) -> Bool {
            if let prefix { return path.hasPrefix(prefix) && path.count > prefix.count }
            return path == self.path
        }
    }

    /// All routes.
    static let routes: [Route] = [
        Route(method: "POST", path: "/v1/completions") { (api, request) throws(APIError) in
            try await api.completions(request)
        },
        Route(method: "POST", path: "/v1/chat/completions") { (api, request) throws(APIError) in
            try await api.chat(request)
        },
        Route(method: "GET", path: "/v1/models") { (api, _) throws(APIError) in
            ServerReply(.json(ModelDescription.list(try api.models().map(\.description))))
        },
        Route(method: "GET", path: "/v1/models/{model}") { (api, request) throws(APIError) in
            let name = request.path.dropFirst("/v1/models/".count)
            guard let model = try api.models().first(where: { $0.name == name }) else {
                throw .unknownModel(String(name))
            }
            return ServerReply(.json(model.description.json))
        },
        Route(method: "POST", path: "/infill") { (api, request) throws(APIError) in try await api.infill(request) },
        Route(method: "POST", path: "/tokenize") { (api, request) throws(APIError) in
            try await api.tokenize(request)
        },
        Route(method: "POST", path: "/detokenize") { (api, request) throws(APIError) in
            try await api.detokenize(request)
        },
        Route(method: "POST", path: "/apply-template") { (api, request) throws(APIError) in
            try await api.applyTemplate(request)
        },
        Route(method: "GET", path: "/tokenizer_info") { (api, _) throws(APIError) in
            ServerReply(.json(try api.model(nil).description.tokenizerInfo))
        },
        Route(method: "GET", path: "/props") { (api, _) throws(APIError) in
            let model = try api.model(nil)
            return ServerReply(
                .json(
                    model.description.properties(
                        slots: api.settings.parallel, build: "foretoken \(api.settings.version)",
                        canInfill: model.infillTokens != nil)))
        },
        Route(method: "GET", path: "/slots") { (api, _) throws(APIError) in try await api.slots() },
        Route(method: "GET", path: "/health", needsKey: false) { (api, _) throws(APIError) in
            _ = try api.models()
            try api.checkIsRunning()
            return ServerReply(.json(ModelDescription.healthy))
        },
        Route(method: "GET", path: "/metrics") { (api, _) throws(APIError) in
            let text = await api.metrics.text(try api.models())
            return ServerReply(.whole(Array(text.utf8), type: MetricsRegistry.contentType))
        },
        Route(method: "GET", path: "/openapi.json", needsKey: false) { (api, _) throws(APIError) in
            ServerReply(.json(api.openAPIText))
        },
        Route(method: "GET", path: "/", needsKey: false) { (api, _) throws(APIError) in
            ServerReply(.whole(Array(api.welcome.utf8), type: "text/plain; charset=utf-8"))
        },
    ]

    /// What somebody sees who opens the server in a browser.
    private var welcome: String {
        let lines = OpenAPIDocument.endpoints.map { endpoint in
            let name = "\(endpoint.method) \(endpoint.path)"
            return "  \(name)\(String(repeating: " ", count: max(1, 28 - name.count)))\(endpoint.summary)"
        }
        return "foretoken-server \(settings.version), an OpenAI-compatible server\n\n\(lines.joined(separator: "\n"))\n"
    }

    private func slots() async throws(APIError) -> ServerReply {
        let model = try model(nil)
        let running = await model.language.engine.activity.running
        let states = running.map { request, statistics in
            SlotState(
                promptTokens: request.prompt.count, generatedTokens: statistics.tokens.count,
                remainingTokens: request.maximumTokens - statistics.tokens.count, heads: request.heads)
        }
        let free = max(0, settings.parallel - states.count)
        return ServerReply(.json(model.description.slots(states + [SlotState](repeating: SlotState(), count: free))))
    }
}

extension APIError {
    static func unknownModel(_ name: String) -> APIError {
        APIError(
            status: 404, .notFound,
            "The model \(name.quotedForMessage(limit: 200)) does not exist; GET /v1/models lists the models.",
            parameter: "model", code: "model_not_found")
    }
}
