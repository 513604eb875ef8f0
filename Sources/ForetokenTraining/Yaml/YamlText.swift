import ForetokenFiles
import ForetokenText
package import Foundation
package import Yams

/// YAML files that people write: read whole, bounded, and composed into a tree.
package enum YamlText {
    private static let sizeLimit = 1 << 20
    /// The most keys that merge keys may bring: far more than a person writes, and few enough to be resolved at once.
    private static let mergeLimit = 10_000

    /// A file's text; `what` names its kind in errors.
    ///
    /// - Throws: ``RecipeError/unreadable(place:reason:)``.
    package static func read(_ url: URL, what: String) throws -> String {
        let file = url.relativePath
        let bytes: Data
        do {
            let handle = try FileHandle(forReadingFrom: url)
            defer { try? handle.close() }
            bytes = try handle.read(upToCount: sizeLimit + 1) ?? Data()
        } catch {
            throw RecipeError.unreadable(place: file, reason: "cannot be read: \(error.systemReason)")
        }
        guard bytes.count <= sizeLimit else {
            throw RecipeError.unreadable(place: file, reason: "larger than 1 MiB; not a \(what)")
        }
        // Windows editors may begin a text with a byte order mark.
        guard
            let text = String(
                validating: bytes.dropFirst(bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0), as: UTF8.self)
        else {
            throw RecipeError.unreadable(place: file, reason: "not UTF-8 text; not a \(what)")
        }
        return text
    }

    /// The tree of a text with its merge keys resolved; `empty` for a text without content.
    ///
    /// - Parameter isFile: whether errors may add a line number to `place`.
    /// - Throws: ``RecipeError/unreadable(place:reason:)``.
    package static func root(
        of yaml: String, place: String, what: String, isFile: Bool = true, empty: Node = Node([(Node, Node)]())
    ) throws -> Node {
        guard !isTooComplex(yaml) else {
            throw RecipeError.unreadable(
                place: place,
                reason: "more than 500 brackets and list items, or more than 16 aliases: more than any \(what) has")
        }
        do {
            var budget = mergeLimit
            return try (compose(yaml: yaml) ?? empty).resolvingMergeKeys(&budget)
        } catch let error as YamlError {
            let (line, reason) = error.explanation(in: yaml)
            throw RecipeError.unreadable(
                place: isFile ? line.map { "\(place):\($0)" } ?? place : place, reason: "not valid YAML: \(reason)")
        } catch let error as MergeKeyError {
            throw RecipeError.unreadable(
                place: isFile ? error.line.map { "\(place):\($0)" } ?? place : place,
                reason: error.reason)
        }
    }

    /// Whether a text could exhaust the parser: it recurses to the depth of the nesting, and aliases multiply.
    private static func isTooComplex(_ yaml: String) -> Bool {
        var (structures, aliases) = (0, 0)
        for line in yaml.utf8.split(separator: UInt8(ascii: "\n")) {
            // The space stands for the end of the line.
            let bytes = Array(line.drop { $0 == 0x20 || $0 == 0x09 }) + [0x20]
            if bytes[0] == UInt8(ascii: "#") { continue }
            for index in bytes.indices.dropLast() {
                let beginsToken = index == 0 || [0x20, 0x09, 0x5B, 0x2C, 0x7B, 0x3A].contains(bytes[index - 1])
                let isBeforeSpace = bytes[index + 1] == 0x20 || bytes[index + 1] == 0x09
                switch bytes[index] {
                case UInt8(ascii: "["), UInt8(ascii: "{"): structures += 1
                case UInt8(ascii: "-"), UInt8(ascii: "?"): structures += beginsToken && isBeforeSpace ? 1 : 0
                case UInt8(ascii: "*"): aliases += beginsToken && !isBeforeSpace && bytes[index + 1] != 0x2A ? 1 : 0
                default: break
                }
            }
        }
        return structures > 500 || aliases > 16
    }
}

/// A merge key whose value is no section.
private struct MergeKeyError: Error {
    let line: Int?
    var reason = "<<: expected an alias of a section, such as `<<: *base`, or a list of them"
}

extension Node {
    /// The tree with YAML's merge keys (`<<: *base`) replaced by the pairs they stand for: a section's own keys win, then the
    /// sections in the order in which they are listed (yaml.org/type/merge.html).
    fileprivate func resolvingMergeKeys(_ budget: inout Int) throws -> Node {
        switch self {
        case .scalar, .alias: return self
        case .sequence(var items):
            for index in items.indices { items[index] = try items[index].resolvingMergeKeys(&budget) }
            return .sequence(items)
        case .mapping(let mapping):
            var pairs: [(Node, Node)] = []
            var inherited: [(Node, Node)] = []
            for (key, value) in mapping {
                guard key.isMergeKey else {
                    pairs.append((key, try value.resolvingMergeKeys(&budget)))
                    continue
                }
                for base in value.sequence.map(Array.init) ?? [value] {
                    guard let section = try base.resolvingMergeKeys(&budget).mapping else {
                        throw MergeKeyError(line: key.mark?.line)
                    }
                    budget -= section.count
                    guard budget >= 0 else {
                        throw MergeKeyError(line: key.mark?.line, reason: "<<: merges more than 10,000 keys")
                    }
                    inherited += section.map { ($0.key, $0.value) }
                }
            }
            var seen = Set(pairs.map { $0.0.string })
            for (key, value) in inherited where seen.insert(key.string).inserted { pairs.append((key, value)) }
            return .mapping(Node.Mapping(pairs, mapping.tag, mapping.style, mapping.mark))
        }
    }

    private var isMergeKey: Bool {
        guard let scalar else { return false }
        return scalar.string == "<<" && scalar.style == .plain
    }
}

extension YamlError {
    /// The line of the problem, and one sentence about it in place of the parser's.
    fileprivate func explanation(in yaml: String) -> (line: Int?, reason: String) {
        switch self {
        case .duplicatedKeysInMapping(let keys, let context):
            let key = keys.first ?? ""
            let first = context.mark
            let second = Self.line(ofSecond: key, after: first, in: yaml)
            return (
                second ?? first.line,
                "'\(key)' appears twice in one section (\(second == nil ? "" : "first in ")line \(first.line)); "
                    + "keep one of them"
            )
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            let lines = yaml.split(separator: "\n", omittingEmptySubsequences: false)
            if let line = lines.indices.contains(mark.line - 1) ? lines[mark.line - 1] : nil,
                line.prefix(max(1, mark.column)).contains("\t")
            {
                return (mark.line, "a tab at the beginning of the line; indent with spaces")
            }
            return (mark.line, "\(Self.plain(problem)) (column \(mark.column))")
        case .reader(let problem, let offset, _, _): return (nil, "\(problem) (byte \(offset ?? 0))")
        default: return (nil, String(describing: self).split(separator: "\n").joined(separator: " "))
        }
    }

    /// The parser's commonest messages in words that say what to look at.
    private static func plain(_ problem: String) -> String {
        if problem.contains("nesting level") { return "nested too deeply" }
        return switch problem {
        case "did not find expected key":
            "expected a key; check the indentation and the quotes of this line and those above"
        case "mapping values are not allowed in this context":
            "a second ':' in one value; quote the value, or check the indentation"
        case "could not find expected ':'": "a ':' is missing after the key"
        default: problem
        }
    }

    /// The line of the second occurrence of a key in the section where `first` is; nil where it is on the same line.
    private static func line(ofSecond key: String, after first: Mark, in yaml: String) -> Int? {
        let lines = yaml.split(separator: "\n", omittingEmptySubsequences: false)
        for index in lines.indices.dropFirst(first.line) {
            let line = lines[index]
            let indentation = line.prefix { $0 == " " }.count
            guard indentation < line.count, line.dropFirst(indentation).first != "#" else { continue }
            // Another list item, or the section that follows.
            guard indentation >= first.column - 1 else { return nil }
            let rest = line.dropFirst(first.column - 1)
            if ["\(key):", "\"\(key)\":", "'\(key)':"].contains(where: rest.hasPrefix) { return index + 1 }
        }
        return nil
    }
}
