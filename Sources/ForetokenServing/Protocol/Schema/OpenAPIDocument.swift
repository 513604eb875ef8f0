package import ForetokenFiles

/// The server's endpoints, and their description in OpenAPI 3.1 for `GET /openapi.json`.
///
/// Requests are described by the tables that check them.
package enum OpenAPIDocument {
    /// An endpoint.
    package struct Endpoint: Sendable {
        /// `GET` or `POST`.
        package let method: String
        /// The path, with `{model}` for a name.
        package let path: String
        let summary: String
        var request: [Field]?
        var response = Schema.anything
        /// A chunk of the response, if it may be a stream.
        var chunk: Schema?
        var contentType = "application/json"
    }

    /// All endpoints.
    package static let endpoints: [Endpoint] = [
        Endpoint(
            method: "POST", path: "/v1/completions", summary: "Continues prompts.", request: CompletionBody.fields,
            response: completion, chunk: completion),
        Endpoint(
            method: "POST", path: "/v1/chat/completions", summary: "Answers a conversation, by the model's template.",
            request: ChatBody.fields, response: chat, chunk: chatChunk),
        Endpoint(
            method: "GET", path: "/v1/models", summary: "The served models.",
            response: .object([
                Field(required: "object", .name(["list"]), ""), Field(required: "data", .array(of: model), ""),
            ])),
        Endpoint(method: "GET", path: "/v1/models/{model}", summary: "A served model.", response: model),
        Endpoint(
            method: "POST", path: "/infill", summary: "Fills a gap in a text, as llama.cpp's server.",
            request: InfillBody.fields, response: infill, chunk: infill),
        Endpoint(
            method: "POST", path: "/tokenize", summary: "The tokens of a text or conversation.",
            request: TokenizeBody.fields, response: tokenized),
        Endpoint(
            method: "POST", path: "/detokenize", summary: "The text of tokens.", request: DetokenizeBody.fields,
            response: .object([
                Field(required: "prompt", .string(), "The text."), Field(required: "content", .string(), "The text."),
            ])),
        Endpoint(
            method: "POST", path: "/apply-template", summary: "The prompt of a conversation, by the model's template.",
            request: ApplyTemplateBody.fields,
            response: .object([Field(required: "prompt", .string(), "The prompt.")])),
        Endpoint(
            method: "GET", path: "/tokenizer_info", summary: "The model's special tokens and chat template.",
            response: tokenizerInfo),
        Endpoint(
            method: "GET", path: "/props", summary: "Properties of the server, as llama.cpp's.", response: .object([])),
        Endpoint(
            method: "GET", path: "/slots", summary: "The requests that are decoded, as llama.cpp's server shows them.",
            response: .array(of: .object([Field(required: "is_processing", .boolean, "")]))),
        Endpoint(
            method: "GET", path: "/health", summary: "Whether the server is ready.",
            response: .object([Field(required: "status", .name(["ok"]), "")])),
        Endpoint(
            method: "GET", path: "/metrics", summary: "Metrics in Prometheus' text format.", response: .string(),
            contentType: "text/plain"),
        Endpoint(method: "GET", path: "/openapi.json", summary: "This document.", response: .object([])),
    ]

    private static let about =
        "Text generation with multi-token prediction. Texts, penalties, sampling and log-probabilities are the same with and "
        + "without speculation. Unknown keys of requests are ignored."

    /// The document.
    ///
    /// - Parameter version: the server's.
    package static func json(version: String) -> JSONValue {
        var paths = JSONObject()
        for endpoint in endpoints {
            var path = JSONObject()
            if case .object(let known)? = paths[endpoint.path] { path = known }
            path[endpoint.method.lowercased()] = operation(endpoint)
            paths[endpoint.path] = .object(path)
        }
        return [
            "openapi": "3.1.0",
            "info": [
                "title": "foretoken-server", "version": .string(version),
                "description": .string(about),
            ],
            "paths": .object(paths),
            "components": [
                "schemas": ["Error": .object(error.document)],
                "securitySchemes": ["key": ["type": "http", "scheme": "bearer"]],
            ],
            "security": [["key": []], [:]],
        ]
    }

    private static func operation(_ endpoint: Endpoint) -> JSONValue {
        var operation = JSONObject()
        operation["summary"] = .string(endpoint.summary)
        operation["operationId"] = .string(
            endpoint.method.lowercased() + endpoint.path.map { $0.isLetter ? String($0) : "_" }.joined())
        if endpoint.path.contains("{model}") {
            operation["parameters"] = [
                ["name": "model", "in": "path", "required": true, "schema": ["type": "string"]]
            ]
        }
        if let request = endpoint.request {
            operation["requestBody"] = [
                "required": true,
                "content": ["application/json": ["schema": .object(Schema.object(request).document)]],
            ]
        }
        var content = JSONObject()
        content[endpoint.contentType] = ["schema": .object(endpoint.response.document)]
        if let chunk = endpoint.chunk { content["text/event-stream"] = ["schema": events(of: chunk)] }
        operation["responses"] = [
            "200": ["description": "The answer.", "content": .object(content)],
            "default": [
                "description": "An error.",
                "content": ["application/json": ["schema": ["$ref": "#/components/schemas/Error"]]],
            ],
        ]
        return .object(operation)
    }

    /// The schema of server-sent events, which OpenAPI 3.1 has no words for: as the usual tools read it, that of each event.
    private static func events(of chunk: Schema) -> JSONValue {
        [
            "type": "object", "required": ["data"],
            "properties": [
                "data": [
                    "description": "A part of the answer; at the end [DONE] by itself, except for /infill.",
                    "anyOf": [
                        ["const": "[DONE]"],
                        [
                            "type": "string", "contentMediaType": "application/json",
                            "contentSchema": [
                                "anyOf": [.object(chunk.document), ["$ref": "#/components/schemas/Error"]]
                            ],
                        ],
                    ],
                ]
            ],
        ]
    }
}
