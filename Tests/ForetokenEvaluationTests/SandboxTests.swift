import Foundation
import Testing

@testable import ForetokenEvaluation

/// The sandbox of all tests; nil where bubblewrap or namespaces are missing.
enum Sandboxes {
    static let working: Sandbox? = try? Sandbox(limits: limits)
    static let reason: Comment = "needs bubblewrap (apt-get install bubblewrap), namespaces and python3"
    private static var limits: Sandbox.Limits {
        var limits = Sandbox.Limits()
        limits.seconds = 2
        return limits
    }
}

let addition = Problem(
    id: "add", prompt: "", tests: .calls(setup: "", code: "assert add(2, 3) == 5", entryPoint: "add"))
