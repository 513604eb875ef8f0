#if Server
    import HTTPTypes
    import NIOCore
    import NIOHTTPTypes

    /// Answers `Expect: 100-continue`, for which clients wait before they send a large body (RFC 9110, section 10.1.1).
    final class ExpectationHandler: ChannelInboundHandler, RemovableChannelHandler {
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
            context.fireChannelRead(data)
        }
    }
#endif
