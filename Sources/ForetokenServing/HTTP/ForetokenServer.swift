#if Server
    public import Hummingbird
    import HummingbirdCore
    import HummingbirdTLS
    import HTTPTypes
    public import Logging
    import NIOCore
    public import NIOSSL
    public import ServiceLifecycle

    /// An OpenAI-compatible server of language models.
    ///
    /// Texts, penalties and log-probabilities are the same with speculative decoding and without it, bit for bit.
    ///
    /// ```swift
    /// let api = API(settings: ServerSettings())
    /// let server = ForetokenServer(api, address: .hostname("127.0.0.1", port: 8000)) { [try ServedModel(at: folder)] }
    /// try await ServiceGroup(services: [server], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger).run()
    /// ```
    public struct ForetokenServer: Service {
        private let api: API
        private let limits: HTTPLimits
        private let application: Application<RouterResponder<ServerContext>>
        private let loader: ModelLoader
        private let grace: Duration

        /// Creates a server.
        ///
        /// - Parameters:
        ///   - api: answers the requests.
        ///   - address: where to listen.
        ///   - limits: what one connection may take.
        ///   - grace: how long requests in progress may take to end after a graceful shutdown.
        ///   - origin: the pages of other servers that may read the answers in a browser; `*` for all.
        ///   - tls: certificates; plain HTTP if nil.
        ///   - logger: for the access log, and what goes wrong.
        ///   - isListening: called with the port once connections are accepted.
        ///   - models: loads the models, the first of which answers requests for others; until it returns, requests are refused
        ///     with status 503.
        /// - Throws: an error of the certificates.
        public init(
            _ api: API, address: BindAddress, limits: HTTPLimits = HTTPLimits(), grace: Duration = .seconds(30),
            origin: String = "*",
            tls: TLSConfiguration? = nil, logger: Logger, isListening: @escaping @Sendable (Int?) -> Void = { _ in },
            models: @escaping @Sendable () async throws -> [ServedModel]
        ) throws {
            (self.api, self.limits, self.grace) = (api, limits, grace)
            loader = ModelLoader(api: api, models: models)
            let http = HTTPServerBuilder.http1(
                configuration: HTTP1Channel.Configuration(
                    additionalChannelHandlers: [
                        DisconnectionHandler(), HTTP1Handler(bodyLimit: limits.bodyBytes),
                    ],
                    idleTimeout: .init(limits.idleTime)))
            application = Application(
                responder: Self.router(api, limits, origin: origin).buildResponder(),
                server: try tls.map { try .tls(http, tlsConfiguration: $0) } ?? http,
                configuration: ApplicationConfiguration(
                    address: address, serverName: "foretoken",
                    availableConnectionsDelegate: MaximumAvailableConnections(limits.connections)),
                onServerRunning: { isListening($0.localAddress?.port) }, logger: logger)
        }

        /// Loads the models and answers requests until a graceful shutdown: requests in progress end, new ones are refused.
        ///
        /// - Throws: errors of the address and of the models.
        public func run() async throws {
            let group = ServiceGroup(
                configuration: ServiceGroupConfiguration(
                    services: [
                        ServiceGroupConfiguration.ServiceConfiguration(service: loader),
                        ServiceGroupConfiguration.ServiceConfiguration(service: application),
                    ], logger: application.logger))
            try await withGracefulShutdownHandler {
                try await group.run()
            } onGracefulShutdown: { [api, grace, logger = application.logger] in
                api.beginShutdown()
                Task {
                    try await Task.sleep(for: grace)
                    let texts = api.endTexts()
                    if texts > 0 {
                        logger.warning("texts were cut off: they took too long to end", metadata: ["texts": "\(texts)"])
                    }
                }
            }
        }

        static func router(_ api: API, _ limits: HTTPLimits, origin: String) -> Router<ServerContext> {
            let router = Router(context: ServerContext.self)
            router.add(middleware: MetricsMiddleware())
            router.add(middleware: TracingMiddleware())
            router.add(middleware: CORS(origin: origin))
            let responder = Responder(api: api, limits: limits)
            for route in API.routes {
                guard let method = HTTPRequest.Method(rawValue: route.method) else { continue }
                router.on(RouterPath(route.path), method: method) { await responder.respond(to: $0, $1) }
            }
            router.add(middleware: UnknownPathMiddleware(responder: responder))
            return router
        }
    }

    /// Lets the API answer for paths that no route has, in its own form.
    private struct UnknownPathMiddleware: RouterMiddleware {
        let responder: Responder

        func handle(
            _ request: Request, context: ServerContext,
            next: (Request, ServerContext) async throws -> Response
        ) async throws -> Response {
            do {
                return try await next(request, context)
            } catch let error as HTTPError where error.status == .notFound {
                return await responder.respond(to: request, context)
            }
        }
    }

    /// Loads the models beside the server, which says meanwhile that it is loading.
    private struct ModelLoader: Service {
        let api: API
        let models: @Sendable () async throws -> [ServedModel]

        func run() async throws {
            api.serve(try await models())
            try await gracefulShutdown()
        }
    }
#endif
