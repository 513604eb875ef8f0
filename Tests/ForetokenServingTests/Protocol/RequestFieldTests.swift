import ForetokenFiles
import Testing

@testable import ForetokenServing

/// A kind of request with examples for all of its keys.
private struct Body: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let fields: [Field]
    let cases: [String: FieldCase]
    /// Whether a body with a key set reads as another request than the body without it.
    let isChanged: @Sendable (_ key: String, _ value: String) throws -> Bool

    /// - Parameter minimal: a body with the required keys only.
    init<Request: RequestBody>(_ type: Request.Type, _ minimal: String, _ cases: [[String: FieldCase]]) {
        (testDescription, fields) = ("\(type)", type.fields)
        self.cases = cases.reduce(into: [:]) { $0.merge($1) { first, _ in first } }
        isChanged = { key, value in
            guard case .object(var object) = try JSONValue(parsing: minimal, file: "") else { return false }
            let base = try Request(.object(object), RequestCases.limits)
            object[key] = try JSONValue(parsing: value, file: "")
            return try Request(.object(object), RequestCases.limits) != base
        }
    }
}

@Suite struct RequestFieldTests {
    private static let messages = #"{"messages": [{"role": "user", "content": "text"}]}"#

    private static let bodies: [Body] = [
        Body(
            CompletionBody.self, #"{"prompt": "text"}"#,
            [RequestCases.completionsOnly, RequestCases.completions, RequestCases.sampling, RequestCases.unsupported]),
        Body(
            ChatBody.self, messages,
            [
                RequestCases.chatOnly, RequestCases.conversation, RequestCases.completions, RequestCases.sampling,
                RequestCases.unsupported,
            ]),
        Body(
            InfillBody.self, #"{"input_prefix": "a", "input_suffix": "b"}"#,
            [RequestCases.infillOnly, RequestCases.sampling, RequestCases.unsupported]),
        Body(TokenizeBody.self, messages, [RequestCases.tokenizeOnly, RequestCases.conversation]),
        Body(ApplyTemplateBody.self, messages, [RequestCases.applyTemplateOnly, RequestCases.conversation]),
        Body(DetokenizeBody.self, #"{"tokens": [1]}"#, [RequestCases.detokenize]),
    ]

    @Test(arguments: bodies) private func everyKeyHasExamples(_ body: Body) {
        #expect(body.fields.map(\.name).sorted() == body.cases.keys.sorted())
    }

    @Test(arguments: bodies) private func acceptedValuesAreRead(_ body: Body) throws {
        for (key, examples) in body.cases {
            for value in examples.effective {
                #expect(try body.isChanged(key, value), "\(key): \(value) has no effect")
            }
            for value in examples.neutral {
                #expect(try !body.isChanged(key, value), "\(key): \(value) has an effect")
            }
        }
    }

    @Test(arguments: bodies) private func otherValuesAreRefusedByName(_ body: Body) {
        for (key, examples) in body.cases {
            for value in examples.refused {
                let error = #expect(throws: APIError.self, "\(key): \(value.prefix(60))") {
                    _ = try body.isChanged(key, value)
                }
                guard let error else { continue }
                #expect(error.status == 400 && error.kind == .invalidRequest)
                #expect(
                    (error.parameter ?? "").hasPrefix(examples.parameter ?? key),
                    "\(key): \(value.prefix(60)): \(error)")
                #expect(error.message.utf8.count < 400)
                #expect(error.message.contains("'") && error.message.hasSuffix(".") || error.code != nil, "\(error)")
            }
        }
    }

    @Test(arguments: bodies) private func keysOfOtherServersWithoutAnEffectAreIgnored(_ body: Body) throws {
        for key in ["cache_prompt", "user", "metadata", "store", "priority", "cache_salt", "n_keep", "x", "", "é"] {
            for value in ["1", "null", "{}", "[[1]]", #""x""#, "true"] {
                #expect(try !body.isChanged(key, value), "\(key)")
            }
        }
    }

    @Test(arguments: bodies) private func unsupportedKeysHaveACodeAndARemedy(_ body: Body) {
        for field in body.fields where field.remedy != nil {
            for value in body.cases[field.name]?.refused ?? [] {
                let error = #expect(throws: APIError.self) { _ = try body.isChanged(field.name, value) }
                #expect(error?.code == "unsupported_parameter")
                #expect(error?.message.contains(field.remedy ?? "-") == true)
                #expect(error?.parameter == field.name)
            }
        }
    }
}
