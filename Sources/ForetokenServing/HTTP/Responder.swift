#if Server
    import HTTPTypes
    import Hummingbird
    import Logging
    import NIOCore

    /// Carries requests from HTTP to the API, and its answers back.
    struct Responder: Sendable {
        let api: API
        let limits: HTTPLimits

        /// Answers a request; whatever fails becomes an error in the API's form.
        func respond(to request: Request, _ context: ServerContext) async -> Response {
            let log = AccessLog(request, context)
            let disconnection = await context.disconnection()
            let reply: ServerReply
            do {
                let body = try await readBody(of: request)
                let incoming = ServerRequest(
                    request.method.rawValue, request.uri.path.percentDecoded, body: body,
                    authorization: request.headers[.authorization] ?? request.headers[.apiKey].map { "Bearer \($0)" },
                    id: log.id)
                reply = await disconnection.cancelling { await api.reply(to: incoming) }
            } catch {
                var failure = error.reply
                // What was not read cannot be told from the next request.
                failure.headers["Connection"] = "close"
                reply = failure
            }
            var response = response(reply, disconnection, log)
            if request.method == .head { response.body = ResponseBody() }
            return response
        }

        private func readBody(of request: Request) async throws(APIError) -> [UInt8] {
            let limit = limits.bodyBytes
            if let length = request.headers[.contentLength].flatMap(Int.init), length > limit {
                throw .bodyTooLarge(limit: limit)
            }
            // A client that sends a byte now and then is not waited for.
            let reading = Task {
                var bytes: [UInt8] = []
                for try await part in request.body {
                    guard bytes.count + part.readableBytes <= limit else { throw APIError.bodyTooLarge(limit: limit) }
                    bytes.append(contentsOf: part.readableBytesView)
                }
                return bytes
            }
            let timer = Task {
                try await Task.sleep(for: limits.bodyTime)
                reading.cancel()
            }
            defer { timer.cancel() }
            do {
                return try await reading.value
            } catch let error as APIError {
                throw error
            } catch {
                throw .bodyTooSlow(seconds: Int(limits.bodyTime.components.seconds))
            }
        }

        private func response(_ reply: ServerReply, _ disconnection: Disconnection, _ log: AccessLog) -> Response {
            var headers = HTTPFields()
            headers[.requestID] = log.id
            for (name, value) in reply.headers {
                if let name = HTTPField.Name(name) { headers[name] = value }
            }
            let body: ResponseBody
            switch reply.body {
            case .whole(let bytes, let type):
                headers[.contentType] = type
                body = ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
                log.write(reply.status)
            case .events(let events):
                headers[.contentType] = "text/event-stream; charset=utf-8"
                headers[.cacheControl] = "no-cache"
                // Asks nginx not to collect the events.
                headers[.accelBuffering] = "no"
                body = .events(silence: limits.silence, disconnection) { write in
                    defer { log.write(reply.status) }
                    try await events(write)
                }
            }
            return Response(status: HTTPResponse.Status(code: reply.status), headers: headers, body: body)
        }
    }

    extension String {
        /// The text with bytes for `%` and two hexadecimal digits; other uses of `%` stay, and what is no UTF-8 becomes U+FFFD.
        fileprivate var percentDecoded: String {
            guard utf8.contains(UInt8(ascii: "%")) else { return self }
            var bytes: [UInt8] = []
            var rest = Array(utf8)[...]
            while let byte = rest.popFirst() {
                if byte == UInt8(ascii: "%"), let digits = String(validating: rest.prefix(2), as: UTF8.self),
                    digits.utf8.count == 2, digits.first?.isHexDigit == true, let value = UInt8(digits, radix: 16)
                {
                    bytes.append(value)
                    rest.removeFirst(2)
                } else {
                    bytes.append(byte)
                }
            }
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    extension HTTPField.Name {
        static let apiKey = Self("X-Api-Key")!
        static let requestID = Self("X-Request-Id")!
        static let accelBuffering = Self("X-Accel-Buffering")!
    }
#endif
