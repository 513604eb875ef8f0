import ForetokenFiles
import Testing

@testable import ForetokenServing

@Suite struct OpenAPITests {
    private func document() throws -> JSONNode { JSONNode(OpenAPIDocument.json(version: "1"), file: "openapi") }

    @Test func everyEndpointIsDescribed() throws {
        let document = try document()
        for endpoint in OpenAPIDocument.endpoints {
            let operation = try document["paths"][endpoint.path][endpoint.method.lowercased()]
            #expect(try !operation["summary"].string().isEmpty)
            #expect(try (operation["requestBody"].value != nil) == (endpoint.method == "POST"))
            #expect(try operation["responses"]["200"].value != nil)
        }
        let names = OpenAPIDocument.endpoints.map { $0.method + $0.path }
        #expect(Set(names).count == names.count)
        // `validate.py` checks it against the specification.
        try Recorded.offer(try document.value?.text(.pretty) ?? "", "openapi.json")
    }

    /// The keys, limits and defaults of the document are those of the readers.
    @Test func documentedLimitsHold() throws {
        let document = try document()
        let schema = try document["paths"]["/v1/completions"]["post"]["requestBody"]["content"]["application/json"][
            "schema"]
        let properties = try schema["properties"].object()
        #expect(properties.keys == CompletionBody.fields.map(\.name))
        for (key, property) in properties {
            guard let limits = try JSONNode(property, file: "")["anyOf"].ifPresent?.array().first else { continue }
            for (name, step) in [("minimum", -1.0), ("maximum", 1)] {
                guard let limit = try limits[name].ifPresent?.double(), abs(limit) < 1e15, key != "best_of" else {
                    continue
                }
                let isInteger = try limits["type"].string() == "integer"
                func body(_ value: Double) -> JSONValue {
                    var object = JSONObject()
                    (object["prompt"], object[key]) = ("x", isInteger ? .integer(Int(value)) : .number(value))
                    return .object(object)
                }
                #expect(throws: APIError.self, "\(key)") { try CompletionBody(body(limit + step), Self.limits) }
                if key == "heads" && limit > 4 { continue }
                #expect(throws: Never.self, "\(key)") { try CompletionBody(body(limit), Self.limits) }
            }
            if let value = try JSONNode(property, file: "")["default"].value {
                let base = try CompletionBody(["prompt": "x"], Self.limits)
                var object = JSONObject()
                (object["prompt"], object[key]) = ("x", value)
                #expect(try CompletionBody(.object(object), Self.limits) == base, "\(key)")
            }
        }
    }

    private static let limits = RequestCases.limits

    /// Requests and the readers' verdicts, for `validate.py` to compare with JSON Schema's.
    @Test func offerVerdicts() throws {
        var lines: [String] = []
        func add<Request: RequestBody>(
            _ type: Request.Type, _ path: String, _ minimal: String, _ cases: [[String: FieldCase]]
        )
            throws
        {
            let cases = cases.reduce(into: [:]) { $0.merge($1) { first, _ in first } }
            for (key, examples) in cases.sorted(by: { $0.key < $1.key }) {
                for value in examples.effective + examples.neutral + examples.refused {
                    guard case .object(var object) = try JSONValue(parsing: minimal, file: "") else { continue }
                    object[key] = try JSONValue(parsing: value, file: "")
                    let isAccepted = (try? Schema.object(Request.fields).check(.object(object))) != nil
                    let line: JSONValue = [
                        "path": .string(path), "accepted": .bool(isAccepted), "body": .object(object),
                    ]
                    lines.append(try line.text())
                }
            }
        }
        let messages = #"{"messages": [{"role": "user", "content": "text"}]}"#
        try add(
            CompletionBody.self, "/v1/completions", #"{"prompt": "text"}"#,
            [RequestCases.completionsOnly, RequestCases.completions, RequestCases.sampling, RequestCases.unsupported])
        try add(
            ChatBody.self, "/v1/chat/completions", messages,
            [
                RequestCases.chatOnly, RequestCases.conversation, RequestCases.completions, RequestCases.sampling,
                RequestCases.unsupported,
            ])
        try add(
            InfillBody.self, "/infill", #"{"input_prefix": "a", "input_suffix": "b"}"#,
            [RequestCases.infillOnly, RequestCases.sampling, RequestCases.unsupported])
        try add(
            TokenizeBody.self, "/tokenize", messages, [RequestCases.tokenizeOnly, RequestCases.conversation])
        try add(DetokenizeBody.self, "/detokenize", #"{"tokens": [1]}"#, [RequestCases.detokenize])
        #expect(lines.count > 1000)
        try Recorded.offer(lines.joined(separator: "\n"), "verdicts.jsonl")
    }
}
