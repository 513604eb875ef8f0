/// Files that programs wrote, by the signs that GitHub's linguist goes by: well-known names, marks at the top, and scripts
/// squeezed into long lines.
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

    /// Whether a name says so.
    static func isGenerated(name: ArraySlice<UInt8>) -> Bool {
        names.contains(Array(name))
            || endings.contains { name.count > $0.count && name.suffix($0.count).elementsEqual($0) }
    }

    /// Whether the text says so: a mark in its first 2000 bytes (`@generated`; "generated" and "do not edit" in one line),
    /// or lines of more than 110 bytes on average where people write short ones.
    static func isGenerated(_ text: UnsafeRawBufferPointer, ending: String) -> Bool {
        let top = UnsafeRawBufferPointer(rebasing: text.prefix(2000))
        // Eight letters at once: most files are done with here.
        let mark = Array("enerated".utf8).withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
        for place in 0..<max(0, top.count - 7) where top.loadUnaligned(fromByteOffset: place, as: UInt64.self) == mark {
            let start = (top[..<place].lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1
            let line = String(decoding: top[start...].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self).lowercased()
            if line.contains("@generated") || line.contains("do not edit") || line.contains("do not modify") {
                return true
            }
        }
        guard ["js", "mjs", "cjs", "css"].contains(ending), text.count > 2000 else { return false }
        return text.count / (text.count { $0 == UInt8(ascii: "\n") } + 1) > 110
    }
}
