import ForetokenFiles
import Synchronization

/// Answers the requests of OpenAI's API, and of llama.cpp's and vLLM's beside it; it knows nothing of connections.
public final class API: Sendable {
    /// How it answers.
    public let settings: ServerSettings
    let admission: Admission
    let metrics: MetricsService
    /// What is being generated.
    let texts = CancellationGroup()
    let preparation = Preparation()
    private let state = Mutex(State())

    private struct State {
        var models: [ServedModel] = []
        var isShuttingDown = false
    }

    /// Creates an API without models, which refuses requests until ``serve(_:)``.
    public init(settings: ServerSettings = ServerSettings()) {
        self.settings = settings
        admission = Admission(limit: settings.parallel + settings.queue)
        metrics = MetricsService(settings)
    }

    /// Begins to answer with some models; the first one answers requests for others.
    public func serve(_ models: [ServedModel]) {
        for model in models { metrics.add(model) }
        state.withLock { $0.models = models }
    }

    /// Refuses further texts; those in progress end.
    public func beginShutdown() { state.withLock { $0.isShuttingDown = true } }

    /// Cuts off the texts in progress; their clients are told.
    ///
    /// - Returns: the number of these texts.
    @discardableResult
    public func endTexts() -> Int {
        defer { texts.cancel() }
        return admission.count
    }

    /// The models; an error while they are being loaded.
    func models() throws(APIError) -> [ServedModel] {
        let models = state.withLock { $0.models }
        guard !models.isEmpty else { throw .loading }
        return models
    }

    /// The model of a name; the first one if there is none of this name.
    func model(_ name: String?) throws(APIError) -> ServedModel {
        let models = try models()
        return models.first { $0.name == name } ?? models[0]
    }

    /// Fails during a shutdown.
    func checkIsRunning() throws(APIError) {
        if state.withLock({ $0.isShuttingDown }) { throw .shuttingDown }
    }

    /// Answers a request; failures are answers, too.
    package func reply(to request: ServerRequest) async -> ServerReply {
        do {
            let route = try route(of: request)
            if route.needsKey { try checkKey(request.authorization) }
            return try await route.handler(self, request)
        } catch {
            if error != .clientGone { metrics.refused(status: error.status) }
            return error.reply
        }
    }

    private func route(of request: ServerRequest) throws(APIError) -> Route {
        let routes = Self.routes.filter { $0.matches(request.path) }
        // A head request is answered as a get, without its body.
        let method = request.method == "HEAD" ? "GET" : request.method
        if let route = routes.first(where: { $0.method == method }) { return route }
        guard routes.isEmpty else {
            throw .methodNotAllowed(request.method, request.path, allowed: routes.map(\.method))
        }
        throw .notFound(request.method, request.path)
    }

    /// Compares in a time that does not depend on the keys.
    private func checkKey(_ authorization: String?) throws(APIError) {
        guard !settings.keys.isEmpty else { return }
        let prefix = "bearer "
        guard let authorization, authorization.lowercased().hasPrefix(prefix) else {
            throw .unauthorized(hasKey: false)
        }
        let given = SHA256.hex(of: Array(authorization.dropFirst(prefix.count).utf8)).utf8
        let isKnown = settings.keys.reduce(false) { isKnown, key in
            let difference = zip(given, SHA256.hex(of: Array(key.utf8)).utf8).reduce(0) { $0 | ($1.0 ^ $1.1) }
            return isKnown || difference == 0
        }
        guard isKnown else { throw .unauthorized(hasKey: true) }
    }
}

/// Prepares one request at a time.
actor Preparation {
    func run<Result: Sendable>(_ work: @Sendable () throws(APIError) -> Result) throws(APIError) -> Result {
        try work()
    }
}

extension APIError {
    /// The answer that carries the error.
    var reply: ServerReply {
        var headers: [String: String] = [:]
        if let retryAfterSeconds { headers["Retry-After"] = String(retryAfterSeconds) }
        if status == 401 { headers["WWW-Authenticate"] = "Bearer" }
        return ServerReply(status: status, headers: headers, .json(json))
    }
}

extension ServerReply.Body {
    static func json(_ text: String) -> Self { .whole(Array(text.utf8), type: "application/json") }
}
