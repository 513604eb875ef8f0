import Foundation
import Testing

@testable import ForetokenEvaluation

/// The sandbox of all tests; nil if bubblewrap or namespaces are not available.
enum Sandboxes {
    static let working: Sandbox? = {
        var limits = Sandbox.Limits()
        // Enough for correct programs on a slow machine; tests of timeouts set their own limit.
        limits.seconds = 10
        limits.memory = 256 << 20
        return try? Sandbox(limits: limits)
    }()
    static var exists: Bool { working != nil }
    static let need: Comment = "needs bubblewrap (apt-get install bubblewrap), namespaces and python3"

    static func grader() throws -> Grader { Grader(try #require(working)) }
}

/// A temporary folder for a test's files.
final class Folder {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("foretoken-\(UUID().uuidString)")

    init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(at: url) }

    func file(_ name: String, _ text: String) throws -> URL {
        let url = url.appendingPathComponent(name)
        try Data(text.utf8).write(to: url)
        return url
    }
}

/// Two tasks in HumanEval's format; the test of the second needs a function of its prompt.
let humanEvalText = #"""
    {"task_id": "T/0", "prompt": "def add(a, b):\n    \"\"\"The sum.\"\"\"\n", "entry_point": "add", "canonical_solution": "    return a + b\n", "test": "def check(candidate):\n    assert candidate(2, 3) == 5\n    assert candidate(-1, 1) == 0\n"}
    {"task_id": "T/1", "prompt": "def double(x):\n    return 2 * x\n\ndef halve(x):\n    \"\"\"Inverse of double.\"\"\"\n", "entry_point": "halve", "canonical_solution": "    return x // 2\n", "test": "def check(candidate):\n    for x in range(9):\n        assert candidate(double(x)) == x\n"}

    """#
