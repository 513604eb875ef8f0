#if Server
    import HTTPTypes
    import NIOCore
    import NIOHTTPTypes

    /// Does what the web server leaves out of HTTP/1: answers `Expect: 100-continue`, for which clients wait before they send a large
    /// body (RFC 9110, section 10.1.1), and closes the connections of HTTP/1.0.
    final class HTTP1Handler: ChannelInboundHandler, RemovableChannelHandler {
        typealias InboundIn = HTTPRequestPart
        typealias InboundOut = HTTPRequestPart
        typealias OutboundOut = HTTPResponsePart

        /// Larger bodies are not asked for.
        private let bodyLimit: Int

        init(bodyLimit: Int) { self.bodyLimit = bodyLimit }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            if case .head(let head) = unwrapInboundIn(data), head.headerFields[.expect]?.lowercased() == "100-continue",
                head.headerFields[.contentLength].flatMap(Int.init) ?? 0 <= bodyLimit
            {
                context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
            }
            guard case .head(var head) = unwrapInboundIn(data), head.authority == nil else {
                return context.fireChannelRead(data)
            }
            // Only HTTP/1.0 has no host. Its clients may wait for the end of the connection.
            head.headerFields[.connection] = "close"
            context.fireChannelRead(wrapInboundOut(.head(head)))
        }
    }
#endif
