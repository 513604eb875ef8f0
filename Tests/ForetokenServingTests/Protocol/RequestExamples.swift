import ForetokenFiles
import Testing

@testable import ForetokenServing

/// A kind of request with examples for all of its keys.
struct RequestExamples: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let path: String
    /// A body with the required keys only.
    let minimal: String
    let fields: [Field]
    let cases: [String: FieldCase]
    /// Whether a body with a key set reads as another request than the body without it.
    let isChanged: @Sendable (_ key: String, _ value: String) throws -> Bool

    init<Request: RequestBody>(
        _ type: Request.Type, _ path: String, _ minimal: String, _ cases: [[String: FieldCase]]
    ) {
        (testDescription, self.path, self.minimal, fields) = ("\(type)", path, minimal, type.fields)
        self.cases = cases.reduce(into: [:]) { $0.merge($1) { first, _ in first } }
        isChanged = { key, value in
            guard case .object(var object) = try JSONValue(parsing: minimal, file: "") else { return false }
            let base = try Request(.object(object), RequestCases.limits)
            object[key] = try JSONValue(parsing: value, file: "")
            return try Request(.object(object), RequestCases.limits) != base
        }
    }
}

extension RequestExamples {
    static let messages = #"{"messages": [{"role": "user", "content": "text"}]}"#

    static let bodies: [RequestExamples] = [
        RequestExamples(
            CompletionBody.self, "/v1/completions", #"{"prompt": "text"}"#,
            [RequestCases.completionsOnly, RequestCases.completions, RequestCases.sampling, RequestCases.unsupported]),
        RequestExamples(
            ChatBody.self, "/v1/chat/completions", messages,
            [
                RequestCases.chatOnly, RequestCases.conversation, RequestCases.completions, RequestCases.sampling,
                RequestCases.unsupported,
            ]),
        RequestExamples(
            InfillBody.self, "/infill", #"{"input_prefix": "a", "input_suffix": "b"}"#,
            [RequestCases.infillOnly, RequestCases.sampling, RequestCases.unsupported]),
        RequestExamples(
            TokenizeBody.self, "/tokenize", messages, [RequestCases.tokenizeOnly, RequestCases.conversation]),
        RequestExamples(
            ApplyTemplateBody.self, "/apply-template", messages,
            [RequestCases.applyTemplateOnly, RequestCases.conversation]),
        RequestExamples(DetokenizeBody.self, "/detokenize", #"{"tokens": [1]}"#, [RequestCases.detokenize]),
    ]
}
