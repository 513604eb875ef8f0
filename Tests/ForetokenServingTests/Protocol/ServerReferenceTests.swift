import Foundation
import Testing

@testable import ForetokenServing

@Suite struct ServerReferenceTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// `FORETOKEN_UPDATE_DOCUMENTATION=1` writes the page.
    @Test func theReferencePageIsTheTables() throws {
        let page = Self.root.appending(path: "Documentation/Foretoken.docc/ServerReference.md")
        if ProcessInfo.processInfo.environment["FORETOKEN_UPDATE_DOCUMENTATION"] != nil {
            try Data(ServerReference.page.utf8).write(to: page)
        }
        #expect(
            try String(contentsOf: page, encoding: .utf8) == ServerReference.page,
            "the keys have changed; run the tests once with FORETOKEN_UPDATE_DOCUMENTATION=1")
    }

    @Test func everyKeyAndErrorIsOnThePage() {
        let page = ServerReference.page
        let fields = RequestExamples.bodies.flatMap(\.fields)
        for field in fields { #expect(page.contains("`\(field.name)`"), "\(field.name)") }
        for field in fields where field.remedy == nil {
            #expect(field.about.hasSuffix("."), "\(field.name)")
        }
        let errors: [APIError] = [
            .unauthorized(hasKey: true), .notFound("", ""), .methodNotAllowed("", "", allowed: []),
            .bodyTooLarge(limit: 1), .bodyTooSlow(seconds: 1), .overloaded(queue: 1, retryAfterSeconds: 1), .loading,
            .shuttingDown, .timedOut(seconds: 1), .server(""), .noChatTemplate, .noInfill(parameter: ""),
            .contextLengthExceeded(prompt: 1, contextLength: 1, parameter: ""), .unsupported("", remedy: ""),
        ]
        for error in errors {
            #expect(page.contains("\(error.status)") && page.contains("`\(error.code ?? "")`"), "\(error)")
        }
    }
}
