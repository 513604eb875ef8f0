#if Server
    import HTTPTypes
    import Hummingbird

    /// Lets pages of other sites read the answers in a browser, and send any header field: SDKs send fields of their own.
    struct CORS: RouterMiddleware {
        /// The site; `*` for all.
        let origin: String

        func handle(
            _ request: Request, context: ServerContext,
            next: (Request, ServerContext) async throws -> Response
        ) async throws -> Response {
            guard request.headers[.origin] != nil else { return try await next(request, context) }
            let asked = request.headers[.accessControlRequestMethod] != nil
            var response =
                request.method == .options && asked
                ? Response(status: .noContent) : try await next(request, context)
            response.headers[.accessControlAllowOrigin] = origin
            if origin != "*" { response.headers[.vary] = "Origin" }
            guard request.method == .options, asked else {
                response.headers[.accessControlExposeHeaders] = "X-Request-Id, Retry-After"
                return response
            }
            response.headers[.accessControlAllowMethods] = "GET, POST, HEAD, OPTIONS"
            // A star would not stand for Authorization.
            response.headers[.accessControlAllowHeaders] =
                request.headers[.accessControlRequestHeaders] ?? "Authorization, Content-Type"
            response.headers[.accessControlMaxAge] = "600"
            return response
        }
    }
#endif
