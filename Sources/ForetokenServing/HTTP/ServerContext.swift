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

        /// The requests of the connection, which are cancelled when the client goes.
        func requests() async -> CancellationGroup {
            let found = channel.pipeline.handler(type: DisconnectionHandler.self).map(\.requests)
            // A connection that has been closed has no handlers any more; writing to it fails.
            return (try? await found.get()) ?? CancellationGroup()
        }
    }
#endif
