import Foundation
import Testing

/// What the documentation quotes is what the source says.
struct DocumentationTests {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Every code block after `<!-- excerpt: FILE -->` stands in FILE, apart from its indentation.
    @Test func excerptsAreTheSource() throws {
        var found = 0
        let folder = Self.root.appendingPathComponent("Documentation/Foretoken.docc")
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) where name.hasSuffix(".md") {
            let article = try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
            for match in article.matches(of: /<!-- excerpt: (\S+) -->\n```swift\n((?s).*?)```/) {
                let source = try String(
                    contentsOf: Self.root.appendingPathComponent(String(match.1)), encoding: .utf8)
                #expect(
                    Self.trimmed(source).contains(Self.trimmed(String(match.2))),
                    "\(name): the excerpt is no longer what \(match.1) says")
                found += 1
            }
        }
        #expect(found > 0)
    }

    private static func trimmed(_ code: String) -> String {
        code.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
            .joined(separator: "\n")
    }
}
