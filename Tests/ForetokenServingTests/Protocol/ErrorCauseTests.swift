import ForetokenDecoding
import ForetokenFiles
import ForetokenText
import Testing

@testable import ForetokenServing

/// What a client is told of failures in preparing and running its request.
@Suite struct ErrorCauseTests {
    private struct Other: Error { let path = "/private/file" }

    private static let causes: [(any Error & Sendable, Int, String?)] = [
        (DecodingError.promptTooLong(tokens: 9, contextLength: 8), 400, "context_length_exceeded"),
        (DecodingError.emptyPrompt, 400, nil),
        (DecodingError.tokenOutOfRange(token: 9, vocabulary: 8), 400, nil),
        (DecodingError.cacheTooSmall(needed: 9, available: 8), 400, nil),
        (DecodingError.tooManyHeads(asked: 9, available: 8), 400, nil),
        (DecodingError.invalid("x"), 400, nil),
        (DecodingError.noChatTemplate(model: "/private/file"), 400, "no_chat_template"),
        (DecodingError.outOfMemory(9), 503, "out_of_memory"),
        (DecodingError.notFinite(position: 3), 500, "server_error"),
        (ChatTemplateError.badMessage(index: 1, reason: "x"), 400, nil),
        (ChatTemplateError.raised(file: "/private/file", message: "x"), 400, nil),
        (ChatTemplateError.failed(file: "/private/file", line: 1, column: 2, reason: "x"), 400, nil),
        (ChatTemplateError.limit(file: "/private/file", line: 1, column: 2, what: "x"), 400, nil),
        (ChatTemplateError.unsupported(file: "/private/file", line: 1, column: 2, feature: "x"), 400, nil),
        (ChatTemplateError.syntax(file: "/private/file", line: 1, column: 2, problem: "x"), 500, "server_error"),
        (ChatTemplateError.unreadable(file: "/private/file", reason: "x"), 500, "server_error"),
        (TokenizerError.unencodable(tokenizer: "t", byte: 3, text: [3]), 400, nil),
        (TokenizerError.missing(file: "/private/file", expected: "t"), 500, "server_error"),
        (Other(), 500, "server_error"),
        (APIError.loading, 503, "loading"),
    ]

    @Test func everyCauseHasItsStatusAndNamesNoFileOfTheServer() throws {
        for (cause, status, code) in Self.causes {
            let error = APIError(cause, parameter: "messages")
            #expect(error.status == status && error.code == code, "\(cause)")
            #expect(!error.json.contains("private"), "\(cause)")
            let node = try JSONNode(JSONValue(parsing: error.json, file: ""), file: "")["error"]
            #expect(try !node["message"].string().isEmpty)
            #expect(try node["param"].value == (error.parameter.map { .string($0) } ?? .null))
            #expect(status != 400 || error.kind == .invalidRequest)
        }
    }

    @Test func aFullQueueSaysWhenToTryAgain() {
        let error = APIError.overloaded(queue: 8, retryAfterSeconds: 3)
        #expect(error.retryAfterSeconds == 3 && error.status == 503)
    }

    @Test func contextLengthsAreNamedAsClientsSearchForThem() {
        let error = APIError.contextLengthExceeded(
            prompt: .max, completion: .max, contextLength: 4096, parameter: "prompt")
        #expect(error.message.contains("maximum context length is 4096 tokens"))
    }
}
