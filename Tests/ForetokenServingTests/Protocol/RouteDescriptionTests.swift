import Testing

@testable import ForetokenServing

@Suite struct RouteDescriptionTests {
    /// The page for people is the only route that the API's document leaves out.
    @Test func everyRouteIsDescribedAndEveryDescriptionHasARoute() {
        let routes = Set(API.routes.map { "\($0.method) \($0.path)" }).subtracting(["GET /"])
        #expect(routes == Set(OpenAPIDocument.endpoints.map { "\($0.method) \($0.path)" }))
    }
}
