#if Server
    import Hummingbird
    import Logging
    import NIOCore

    /// What the handlers of a request know of it.
    struct ServerContext: RequestContext {
        var coreContext: CoreRequestContextStorage
        private let channel: any Channel

        init(source: ApplicationRequestContextSource) {
            coreContext = CoreRequestContextStorage(source: source)
            channel = source.channel
        }

        /// Tells when the client goes.
        func disconnection() async -> Disconnection {
            let found = channel.pipeline.handler(type: DisconnectionHandler.self).map(\.disconnection)
            // A connection that has been closed has no handlers any more; writing to it fails.
            return (try? await found.get()) ?? Disconnection()
        }
    }
#endif
