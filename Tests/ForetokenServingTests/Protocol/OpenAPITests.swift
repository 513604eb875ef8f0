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

    /// Requests and the readers' verdicts, for `validate.py` to compare with JSON Schema's: every example, and random ones.
    @Test func offerVerdicts() throws {
        var lines: [String] = []
        var random = SplitMix64(seed: 11)
        for body in RequestExamples.bodies {
            let schema = Schema.object(body.fields)
            func add(_ object: JSONObject) throws {
                var isAccepted = true
                do throws(SchemaMismatch) { try schema.check(.object(object)) } catch { isAccepted = false }
                let line: JSONValue = [
                    "path": .string(body.path), "accepted": .bool(isAccepted), "body": .object(object),
                ]
                lines.append(try line.text())
            }
            guard case .object(let minimal) = try JSONValue(parsing: body.minimal, file: "") else { continue }
            let cases = body.cases.sorted { $0.key < $1.key }
            let values = cases.flatMap { $0.value.effective + $0.value.neutral + $0.value.refused }
                .filter { $0.utf8.count < 200 }
            for (key, examples) in cases {
                for value in examples.effective + examples.neutral + examples.refused {
                    var object = minimal
                    object[key] = try JSONValue(parsing: value, file: "")
                    try add(object)
                }
            }
            // Values of any key in any other, and several at once.
            for _ in 0..<3000 {
                var object = minimal
                for _ in 0...Int(random.next() % 2) {
                    let key = cases[Int(random.next() % UInt64(cases.count))].key
                    let value = values[Int(random.next() % UInt64(values.count))]
                    object[key] = try JSONValue(parsing: value, file: "")
                }
                try add(object)
            }
        }
        #expect(lines.count > 15_000)
        try Recorded.offer(lines.joined(separator: "\n"), "verdicts.jsonl")
    }
}
