#if Server
    import NIOCore
    import Synchronization

    /// Tells a connection's requests when the client has gone, also while nothing is read or written for them.
    final class Disconnection: Sendable {
        private struct State {
            var isGone = false
            var next = 0
            var handlers: [Int: @Sendable () -> Void] = [:]
        }
        private let state = Mutex(State())

        /// Runs an operation in a task that is cancelled when the client goes, or with the caller's.
        func cancelling<Result: Sendable>(_ operation: @escaping @Sendable () async -> Result) async -> Result {
            let task = Task { await operation() }
            let key = add { task.cancel() }
            defer { remove(key) }
            return await withTaskCancellationHandler {
                await task.value
            } onCancel: {
                task.cancel()
            }
        }

        /// Calls a handler when the client goes, at once if it has gone.
        private func add(_ handler: @escaping @Sendable () -> Void) -> Int {
            let (key, isGone) = state.withLock { state in
                state.next += 1
                if !state.isGone { state.handlers[state.next] = handler }
                return (state.next, state.isGone)
            }
            if isGone { handler() }
            return key
        }

        private func remove(_ key: Int) { state.withLock { $0.handlers[key] = nil } }

        fileprivate func clientHasGone() {
            let handlers = state.withLock { state in
                state.isGone = true
                defer { state.handlers = [:] }
                return Array(state.handlers.values)
            }
            for handler in handlers { handler() }
        }
    }

    /// Watches a connection for its end. A client that closes only its sending side counts as gone, as in other servers.
    final class DisconnectionHandler: ChannelInboundHandler, RemovableChannelHandler {
        typealias InboundIn = NIOAny

        let disconnection = Disconnection()

        func channelInactive(context: ChannelHandlerContext) {
            disconnection.clientHasGone()
            context.fireChannelInactive()
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .inputClosed? = event as? ChannelEvent { disconnection.clientHasGone() }
            context.fireUserInboundEventTriggered(event)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            // What cannot be parsed may follow a request that is still to be answered.
            if error is IOError || error is ChannelError { disconnection.clientHasGone() }
            context.fireErrorCaught(error)
        }
    }
#endif
