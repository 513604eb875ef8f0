import Foundation

/// Programs with tests, from a file of `Tests/Fixtures/Programs`: a line `=== name`, the program, a line `---`, the tests.
struct ProgramCase: Sendable, CustomStringConvertible {
    let name: String
    let program: String
    let tests: String
    var description: String { name }

    static let exchanges = read("exchanges")
    static let hostile = read("hostile")

    private static func read(_ name: String) -> [ProgramCase] {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let url = tests.deletingLastPathComponent().appendingPathComponent("Fixtures/Programs/\(name).txt")
        guard let text = try? String(contentsOf: url, encoding: .utf8) else { return [] }
        return text.components(separatedBy: "\n=== ").dropFirst().map { part in
            let lines = part.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
            let halves = String(lines.last ?? "").components(separatedBy: "---\n")
            return ProgramCase(name: String(lines[0]), program: halves[0], tests: halves.last ?? "")
        }
    }
}
