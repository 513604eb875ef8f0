import ForetokenFiles
import ForetokenText
package import Foundation
package import Yams

/// YAML files of people: read whole, bounded, and composed into a tree.
package enum YamlText {
    private static let sizeLimit = 1 << 20

    /// A file's text; `what` it should be, in errors.
    ///
    /// - Throws: ``RecipeError/unreadable(file:reason:)``.
    package static func read(_ url: URL, what: String) throws -> String {
        let file = url.relativePath
        let bytes: Data
        do {
            let handle = try FileHandle(forReadingFrom: url)
            defer { try? handle.close() }
            bytes = try handle.read(upToCount: sizeLimit + 1) ?? Data()
        } catch {
            throw RecipeError.unreadable(file: file, reason: "cannot be read: \(error.systemReason)")
        }
        guard bytes.count <= sizeLimit else {
            throw RecipeError.unreadable(file: file, reason: "is larger than 1 MiB; that is no \(what)")
        }
        // Editors of Windows begin a text with a mark.
        guard
            let text = String(
                validating: bytes.dropFirst(bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0), as: UTF8.self)
        else {
            throw RecipeError.unreadable(file: file, reason: "is not UTF-8 text; that is no \(what)")
        }
        return text
    }

    /// A text's tree; `empty` for one without content.
    ///
    /// - Throws: ``RecipeError/unreadable(file:reason:)``.
    package static func root(
        of yaml: String, file: String, what: String, empty: Node = Node([(Node, Node)]())
    ) throws -> Node {
        guard !nestsBeyondReason(yaml) else {
            throw RecipeError.unreadable(file: file, reason: "nests or repeats far beyond any \(what)")
        }
        do {
            return try compose(yaml: yaml) ?? empty
        } catch let error as YamlError {
            let subject = what == "value" ? "the value is" : "is"
            throw RecipeError.unreadable(file: file, reason: "\(subject) no valid YAML: \(error.sentence)")
        }
    }

    /// Whether a text could exhaust the parser: it recurses to the depth of the nesting, and aliases multiply.
    private static func nestsBeyondReason(_ yaml: String) -> Bool {
        let bytes = Array(yaml.utf8)
        let openings = bytes.count { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "{") }
        let items = zip(bytes, bytes.dropFirst()).count { pair in
            (pair.0 == UInt8(ascii: "-") || pair.0 == UInt8(ascii: "?")) && [0x20, 0x09, 0x0A].contains(pair.1)
        }
        return openings + items > 500 || bytes.count { $0 == UInt8(ascii: "*") } > 16
    }
}

extension YamlError {
    /// The parser's words in one line; Yams would draw the place.
    package var sentence: String {
        switch self {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            "line \(mark.line), column \(mark.column): \(problem)"
        case .reader(let problem, let offset, _, _): "byte \(offset ?? 0): \(problem)"
        default: String(String(describing: self).split(separator: "\n").joined(separator: " "))
        }
    }
}
