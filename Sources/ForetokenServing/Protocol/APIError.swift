package import ForetokenFiles

/// An error in OpenAI's form, `{"error": {"message", "type", "param", "code"}}`, and its HTTP status.
package struct APIError: Error, Sendable, Equatable {
    /// OpenAI's `type`: whose fault it is.
    package enum Kind: String, Sendable {
        case invalidRequest = "invalid_request_error"
        case authentication = "authentication_error"
        case notFound = "not_found_error"
        case overloaded = "overloaded_error"
        case unavailable = "unavailable_error"
        case server = "server_error"
    }

    /// The HTTP status.
    package var status: Int
    /// What is wrong and what to do.
    package var message: String
    /// OpenAI's `type`.
    package var kind: Kind
    /// The key of the request that is wrong.
    package var parameter: String?
    /// A name for programs.
    package var code: String?
    /// The `Retry-After` header.
    package var retryAfterSeconds: Int?

    package init(
        status: Int, _ kind: Kind, _ message: String, parameter: String? = nil, code: String? = nil,
        retryAfterSeconds: Int? = nil
    ) {
        (self.status, self.kind, self.message, self.parameter) = (status, kind, message, parameter)
        (self.code, self.retryAfterSeconds) = (code, retryAfterSeconds)
    }

    /// The body of the response.
    package var json: String {
        JSONWriter.object {
            $0.object("error") {
                $0.string("message", message)
                $0.string("type", kind.rawValue)
                $0.string("param", parameter)
                $0.string("code", code)
            }
        }
    }
}

// MARK: The request

extension APIError {
    /// A request that is wrong in one key.
    package static func invalid(_ message: String, parameter: String?, code: String? = nil) -> APIError {
        APIError(status: 400, .invalidRequest, message, parameter: parameter, code: code)
    }

    /// A body that is not JSON.
    package static func malformed(_ error: JSONError) -> APIError {
        switch error {
        case .malformed(_, let line, let column, let problem):
            .invalid("The body is not valid JSON: line \(line), column \(column): \(problem)", parameter: nil)
        case .cannotRead(_, let reason): .invalid("The body cannot be read: \(reason)", parameter: nil)
        default: .invalid("The body is not valid JSON: \(error)", parameter: nil)
        }
    }

    /// A parameter that would change the answer and is not supported.
    package static func unsupported(_ parameter: String, remedy: String) -> APIError {
        .invalid(
            "'\(parameter)' is not supported with this value and would change the answer; \(remedy)",
            parameter: parameter, code: "unsupported_parameter")
    }

    /// A prompt that does not fit, alone or with the tokens that were asked for.
    package static func contextLengthExceeded(
        prompt: Int, completion: Int? = nil, contextLength: Int, parameter: String
    ) -> APIError {
        let requested =
            completion.map { "you requested \(prompt) tokens in the prompt and \($0) in the completion" }
            ?? "the prompt has \(prompt) tokens"
        return .invalid(
            "This model's maximum context length is \(contextLength) tokens, but \(requested). Shorten the prompt"
                + (completion == nil ? "." : " or the completion."),
            parameter: parameter, code: "context_length_exceeded")
    }
}

// MARK: HTTP

extension APIError {
    /// No key, or a wrong one.
    package static func unauthorized(hasKey: Bool) -> APIError {
        APIError(
            status: 401, .authentication,
            hasKey
                ? "Incorrect API key provided."
                : "You didn't provide an API key; send it as 'Authorization: Bearer KEY'.",
            code: "invalid_api_key")
    }

    /// A path that is none of the API's.
    package static func notFound(_ method: String, _ path: String) -> APIError {
        APIError(
            status: 404, .notFound,
            "No endpoint \(method.shortenedForMessage(limit: 20)) \(path.shortenedForMessage(limit: 200)); "
                + "GET /openapi.json lists them all.",
            code: "unknown_url")
    }

    /// A path of the API with another method.
    package static func methodNotAllowed(_ method: String, _ path: String, allowed: [String]) -> APIError {
        APIError(
            status: 405, .invalidRequest,
            "\(path.shortenedForMessage(limit: 200)) does not take \(method.shortenedForMessage(limit: 20)); use "
                + allowed.joined(separator: " or ") + ".",
            code: "method_not_allowed")
    }

    /// A body above the server's limit.
    package static func bodyTooLarge(limit: Int) -> APIError {
        APIError(status: 413, .invalidRequest, "The body is larger than \(limit) bytes.", code: "body_too_large")
    }

    /// A body that did not arrive in time.
    package static func bodyTooSlow(seconds: Int) -> APIError {
        APIError(status: 408, .invalidRequest, "The body did not arrive within \(seconds) s.", code: "timeout")
    }

    /// A full queue.
    package static func overloaded(queue: Int, retryAfterSeconds: Int) -> APIError {
        APIError(
            status: 503, .overloaded, "The server's queue of \(queue) requests is full; try again later.",
            code: "queue_full", retryAfterSeconds: retryAfterSeconds)
    }

    /// A server that has not loaded its model yet; the message is llama.cpp's.
    package static var loading: APIError {
        APIError(status: 503, .unavailable, "Loading model", code: "loading", retryAfterSeconds: 1)
    }

    /// A server that finishes its requests and takes no more.
    package static var shuttingDown: APIError {
        APIError(
            status: 503, .unavailable, "The server is shutting down.", code: "shutting_down", retryAfterSeconds: 1)
    }

    /// A client that left before the answer; nobody reads this.
    package static var clientGone: APIError {
        APIError(status: 499, .invalidRequest, "The client closed the connection.", code: "client_closed_request")
    }

    /// A request that took too long.
    package static func timedOut(seconds: Int) -> APIError {
        APIError(
            status: 504, .server, "The request took longer than the server's limit of \(seconds) s.", code: "timeout")
    }

    /// A fault of the server.
    package static func server(_ message: String) -> APIError {
        APIError(status: 500, .server, message, code: "server_error")
    }
}
