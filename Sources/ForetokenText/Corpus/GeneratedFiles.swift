/// Detects generated files with heuristics of GitHub's linguist: well-known names, markers at the top, and minified code.
enum GeneratedFiles {
    private static let names = Set(
        [
            "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "Cargo.lock",
            "Gemfile.lock", "Pipfile.lock", "poetry.lock", "uv.lock", "pdm.lock", "composer.lock", "go.sum",
            "flake.lock",
            "Package.resolved", "Podfile.lock", "mix.lock", "deno.lock", "gradle.lockfile", "MODULE.bazel.lock",
        ].map { Array($0.utf8) })
    private static let endings = [
        ".min.js", ".min.css", ".js.map", ".css.map", ".pb.go", ".pb.cc", ".pb.h", ".pb.swift", "_pb2.py",
        "_pb2_grpc.py",
        "_pb.js", ".g.dart", ".freezed.dart", ".designer.cs", ".g.cs", "_generated.go", ".generated.swift",
    ].map { Array($0.utf8) }

    /// Whether a file's name marks it as generated.
    static func isGenerated(name: ArraySlice<UInt8>) -> Bool {
        names.contains(Array(name))
            || endings.contains { name.count > $0.count && name.suffix($0.count).elementsEqual($0) }
    }

    /// Whether a file's text shows that it is generated: a marker in the first 2000 bytes (`@generated`, or "generated" and "do
    /// not edit" on one line), or in JavaScript and CSS an average line length above 110 bytes.
    static func isGenerated(_ text: UnsafeRawBufferPointer, ending: String) -> Bool {
        let top = UnsafeRawBufferPointer(rebasing: text.prefix(2000))
        // Compares eight bytes at once, which quickly rules out most files.
        let marker = Array("enerated".utf8).withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
        for offset in 0..<max(0, top.count - 7)
        where top.loadUnaligned(fromByteOffset: offset, as: UInt64.self) == marker {
            let start = (top[..<offset].lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1
            let line = String(decoding: top[start...].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self).lowercased()
            if line.contains("@generated") || line.contains("do not edit") || line.contains("do not modify") {
                return true
            }
        }
        guard ["js", "mjs", "cjs", "css"].contains(ending), text.count > 2000 else { return false }
        return text.count / (text.count { $0 == UInt8(ascii: "\n") } + 1) > 110
    }
}
