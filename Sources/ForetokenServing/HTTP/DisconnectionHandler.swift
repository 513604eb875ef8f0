#if Server
    import NIOCore

    /// Watches a connection for its end. A client that closes only its sending side counts as gone, as in other servers.
    final class DisconnectionHandler: ChannelInboundHandler, RemovableChannelHandler {
        typealias InboundIn = NIOAny

        /// Cancelled when the client goes, also while nothing is read or written for its requests.
        let requests = CancellationGroup()

        func channelInactive(context: ChannelHandlerContext) {
            requests.cancel()
            context.fireChannelInactive()
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .inputClosed? = event as? ChannelEvent { requests.cancel() }
            context.fireUserInboundEventTriggered(event)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            // What cannot be parsed may follow a request that is still to be answered.
            if error is IOError || error is ChannelError { requests.cancel() }
            context.fireErrorCaught(error)
        }
    }
#endif
