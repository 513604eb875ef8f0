import ForetokenFiles
import Foundation
import TestSupport
import Testing

@testable import ForetokenText

/// Runs a program and returns its standard output.
func output(_ program: String, _ arguments: [String], in folder: URL? = nil, input: Data = Data()) throws -> Data {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.environment = ProcessInfo.processInfo.environment.merging(
        ["GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "XDG_CONFIG_HOME": "/nonexistent"],
        uniquingKeysWith: { $1 })
    let place = FileManager.default.temporaryDirectory.appendingPathComponent("foretoken-\(UUID().uuidString)")
    try input.write(to: place)
    try Data().write(to: place.appendingPathExtension("out"))
    defer {
        for file in [place, place.appendingPathExtension("out")] { try? FileManager.default.removeItem(at: file) }
    }
    process.standardInput = try FileHandle(forReadingFrom: place)
    process.standardOutput = try FileHandle(forWritingTo: place.appendingPathExtension("out"))
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return try Data(contentsOf: place.appendingPathExtension("out"))
}

@Suite struct IgnoreTests {
    /// (pattern, path, whether it matches), from gitignore(5) and git's t3070.
    @Test(arguments: [
        ("*.o", "a.o", true), ("*.o", "d/a.o", true), ("/*.o", "d/a.o", false), ("d/*.o", "d/a.o", true),
        ("d/*.o", "d/e/a.o", false), ("**/a", "a", true), ("**/a", "x/y/a", true), ("a/**", "a/x/y", true),
        ("a/**", "a", false), ("a/**/b", "a/b", true), ("a/**/b", "a/x/y/b", true), ("a/**/b", "a/xb", false),
        ("a/x**y/b", "a/xzy/b", true), ("[a-c]x", "bx", true), ("[!a-c]x", "bx", false), ("[^a-c]x", "dx", true),
        ("[]-]x", "]x", true), ("[[:digit:]]x", "7x", true), ("[[:nope:]]x", "7x", false), ("a[", "a[", false),
        ("a\\*", "a*", true), ("a\\*", "ab", false), ("a\\", "a\\", false), ("?", "ab", false), ("?", "a", true),
        ("a?b", "a/b", false), ("[/]", "/", false), ("**", "x/y", true), ("*a*b*c*", "xxaxxbxxcxx", true),
        ("ab ", "ab", true), ("ab\\ ", "ab ", true), ("\\#x", "#x", true), ("\\!x", "!x", true), ("#x", "#x", false),
    ])
    func patternsMeanWhatGitSays(pattern: String, path: String, isMeant: Bool) {
        let rules = IgnoreRules(parsing: Array((pattern + "\n").utf8))
        #expect((rules.verdict(on: Array(path.utf8)[...], isFolder: false) == true) == isMeant)
    }

    @Test func theLastMatchDecidesAndFolderPatternsMeanFolders() {
        let rules = IgnoreRules(parsing: Array("\u{FEFF}*.log\r\n!keep.log\r\nbuild/\n/top\n".utf8))
        func verdict(_ path: String, isFolder: Bool = false) -> Bool? {
            rules.verdict(on: Array(path.utf8)[...], isFolder: isFolder)
        }
        #expect(verdict("a.log") == true && verdict("d/keep.log") == false && verdict("build") == nil)
        #expect(verdict("d/build", isFolder: true) == true && verdict("top") == true && verdict("d/top") == nil)
    }

    @Test func aPatternOfManyStarsTakesNoTime() {
        let pattern = GlobPattern(Array(String(repeating: "*a", count: 500).utf8))
        #expect(!pattern.matches(Array(String(repeating: "a", count: 499).utf8)[...]))
        #expect(GlobPattern(Array((String(repeating: "**/", count: 300) + "b").utf8)).matches(Array("a/a/b".utf8)[...]))
    }

    private static let git = ["/usr/bin/git", "/usr/local/bin/git"].first(where: FileManager.default.isExecutableFile)

    /// Random trees and rules with a fixed seed; the result for every file is that of `git check-ignore`.
    @Test(.enabled(if: git != nil, "needs git")) func theWalkLeavesOutWhatGitIgnores() throws {
        let git = try #require(Self.git)
        let folder = try TemporaryFolder()
        let names = ["a", "b", "ab", "ba", "a b", "a*", "[x]", "-", "é", "a.c"]
        var random = SplitMix64(seed: 7)
        func word() -> String {
            let parts = [
                "a", "b", "ab", "*", "*", "?", "**", "[ab]", "[!a]", "[[:alpha:]]", "\\*", "x", " ", ".c", "é", "[",
            ]
            return (0..<Int.random(in: 1...3, using: &random)).map { _ in parts.randomElement(using: &random) ?? "" }
                .joined()
        }
        func rules() -> String {
            (0..<Int.random(in: 1...5, using: &random)).map { _ in
                let start = ["", "", "", "/", "!", "!/", "**/", "\\"].randomElement(using: &random) ?? ""
                let middle = (0..<Int.random(in: 1...3, using: &random)).map { _ in word() }
                return start + middle.joined(separator: ["/", "/", "/**/", "**/"].randomElement(using: &random) ?? "/")
                    + (["", "", "", "/", "/**", "/*", " "].randomElement(using: &random) ?? "")
            }.joined(separator: "\n") + "\n"
        }
        var ignored = 0
        let rounds = ProcessInfo.processInfo.environment["FORETOKEN_MUTATIONS"].flatMap(Int.init).map { $0 / 100 } ?? 20
        for round in 0..<rounds {
            let root = folder.url.appendingPathComponent("r\(round)")
            var files: Set<String> = []
            for _ in 0..<60 {
                let parts = (0..<Int.random(in: 1...4, using: &random)).map { _ in
                    names.randomElement(using: &random) ?? "a"
                }
                let url = root.appendingPathComponent(parts.joined(separator: "/"))
                try? FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                if !FileManager.default.fileExists(atPath: url.path), (try? Data("x".utf8).write(to: url)) != nil {
                    files.insert(parts.joined(separator: "/"))
                }
            }
            try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
            _ = try output(git, ["init", "-q"], in: root)
            for place in ["", "a/", "a/b/", "b/"] {
                try? Data(rules().utf8).write(to: root.appendingPathComponent(place + ".gitignore"))
            }
            let judged = try output(
                git, ["check-ignore", "--no-index", "--stdin", "-z"], in: root,
                input: Data(files.sorted().joined(separator: "\0").utf8))
            let expected = files.subtracting(
                String(decoding: judged, as: UTF8.self).split(separator: "\0").map(String.init))
            ignored += files.count - expected.count
            var walk = try SourceWalk([root], filter: WalkFilter(skipsGenerated: false))
            var found: Set<String> = []
            let base = root.resolvingSymlinksInPath().path.utf8.count + 1
            while let file = walk.next() { found.insert(String(decoding: file.path[base...], as: UTF8.self)) }
            #expect(found == expected, "round \(round)")
            // Starting from a subfolder, rules of parent folders apply, too, but not to the subfolder itself.
            if FileManager.default.fileExists(atPath: root.appendingPathComponent("a").path) {
                var inner = try SourceWalk(
                    [root.appendingPathComponent("a")], filter: WalkFilter(skipsGenerated: false))
                while let file = inner.next() {
                    let path = String(decoding: file.path[base...], as: UTF8.self)
                    #expect(
                        expected.contains(path) || !expected.contains { $0.hasPrefix("a/") }, "round \(round): \(path)")
                }
            }
        }
        #expect(ignored > 6 * rounds)
    }
}
