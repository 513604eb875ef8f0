/// A request as it came over HTTP.
package struct ServerRequest: Sendable {
    /// `GET`, `POST`.
    package var method: String
    /// The path without the query, percent-decoded.
    package var path: String
    /// The value of `Authorization` or, as a bearer's, of `X-Api-Key`.
    package var authorization: String?
    /// The body.
    package var body: [UInt8]
    /// Identifies the request in logs.
    package var id: String

    /// Creates a request.
    package init(
        _ method: String, _ path: String, body: [UInt8] = [], authorization: String? = nil, id: String = "request"
    ) {
        (self.method, self.path, self.body) = (method, path, body)
        (self.authorization, self.id) = (authorization, id)
    }
}

/// What a server answers.
package struct ServerReply: Sendable {
    /// Writes one part of an answer; suspends while the client does not read.
    package typealias Write = @Sendable ([UInt8]) async throws -> Void

    /// The content of an answer.
    package enum Body: Sendable {
        /// A whole text of a media type.
        case whole([UInt8], type: String)
        /// Server-sent events: the closure writes them and returns after the last. It never throws for a failure of the
        /// generation, which it writes as an event.
        case events(@Sendable (_ write: @escaping Write) async throws -> Void)
    }

    /// The HTTP status.
    package var status: Int
    /// Further header fields.
    package var headers: [String: String]
    /// The content.
    package var body: Body

    /// Creates an answer.
    package init(status: Int = 200, headers: [String: String] = [:], _ body: Body) {
        (self.status, self.headers, self.body) = (status, headers, body)
    }
}
