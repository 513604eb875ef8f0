/// The frames of a stream of server-sent events.
package enum EventStream {
    /// The end of OpenAI's streams.
    package static let done = "data: [DONE]\n\n"
    /// A comment that keeps a silent connection alive; clients ignore it.
    package static let ping = ": ping\n\n"

    /// A frame with a JSON text, which has no line breaks.
    package static func data(_ json: String) -> String { "data: \(json)\n\n" }

    /// An error after the stream has begun, whose status was 200.
    package static func error(_ error: APIError) -> String { data(error.json) }
}
