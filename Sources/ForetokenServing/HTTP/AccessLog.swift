#if Server
    import HTTPTypes
    import Hummingbird
    import Logging

    /// The line of a request in the log.
    struct AccessLog: Sendable {
        /// Identifies the request, in the log and in the answer's header: the client's own, if it sent one.
        let id: String
        private let line: String
        private let logger: Logger
        private let begin = ContinuousClock().now

        init(_ request: Request, _ context: ServerContext) {
            id =
                request.headers[.requestID].flatMap { Self.isPlain($0) ? $0 : nil }
                ?? "req-" + String(UInt64.random(in: .min ... .max), radix: 36)
            line = "\(request.method.rawValue) \(request.uri.path)"
            logger = context.logger
        }

        /// Writes the line, after the last part of the answer.
        func write(_ status: Int) {
            let milliseconds = (ContinuousClock().now - begin) / .milliseconds(1)
            logger.info(
                "\(line)",
                metadata: ["request": "\(id)", "status": "\(status)", "ms": "\(Int(milliseconds.rounded()))"])
        }

        /// Whether a client's identity can be logged as it is.
        private static func isPlain(_ id: String) -> Bool {
            (1...128).contains(id.utf8.count) && id.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        }
    }
#endif
