package import Yams

/// Typed access to one mapping of a recipe that remembers which keys were asked for, so that the rest are unknown.
package final class RecipeReader {
    private let node: Node.Mapping?
    private let path: String
    private let file: String
    /// Lines come from `--set` and not from the file where this says so.
    package let origin: RecipeOrigin
    private var known: [String] = []

    package init(_ node: Node.Mapping?, path: String, origin: RecipeOrigin) {
        self.node = node
        self.path = path
        self.origin = origin
        file = origin.file
    }

    package func value(_ key: String) -> Node? {
        known.append(key)
        guard let value = node?[key] else { return nil }
        if case .scalar(let scalar) = value, scalar.tag.description.hasSuffix(":null") || value.isNull { return nil }
        return value
    }

    package func full(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    package func wrong(_ key: String, _ node: Node, _ expected: String) -> RecipeError {
        .wrongType(place: origin.place(full(key), node), key: full(key), found: node.summary, expected: expected)
    }

    package func integer(_ key: String) throws -> Int? {
        guard let node = value(key) else { return nil }
        guard let value = node.int else { throw wrong(key, node, "a whole number") }
        return value
    }

    package func unsigned(_ key: String) throws -> UInt64? {
        guard let node = value(key) else { return nil }
        guard let value = node.scalar.flatMap({ UInt64($0.string) }) else {
            throw wrong(key, node, "a whole number from 0 to 2^64 − 1")
        }
        return value
    }

    package func number(_ key: String) throws -> Double? {
        guard let node = value(key) else { return nil }
        guard let value = node.plainNumber else { throw wrong(key, node, "a number") }
        return value
    }

    package func numbers(_ key: String) throws -> [Double]? {
        guard let node = value(key) else { return nil }
        guard let sequence = node.sequence else { throw wrong(key, node, "a list of numbers") }
        return try sequence.map { item in
            guard let value = item.plainNumber else { throw wrong(key, item, "a list of numbers") }
            return value
        }
    }

    package func boolean(_ key: String) throws -> Bool? {
        guard let node = value(key) else { return nil }
        guard let value = node.bool else { throw wrong(key, node, "true or false") }
        return value
    }

    package func string(_ key: String) throws -> String? {
        guard let node = value(key) else { return nil }
        guard let scalar = node.scalar else { throw wrong(key, node, "a text") }
        return scalar.string
    }

    package func section(_ key: String) throws -> RecipeReader {
        guard let node = value(key) else { return RecipeReader(nil, path: full(key), origin: origin) }
        guard let mapping = node.mapping else { throw wrong(key, node, "a section of keys") }
        return RecipeReader(mapping, path: full(key), origin: origin)
    }

    /// The keys that were asked for and have a value.
    package var givenKeys: Set<String> { Set(known).filter { value($0) != nil } }

    /// The sections of a list; none where the key is missing.
    package func sections(_ key: String) throws -> [RecipeReader] {
        guard let node = value(key) else { return [] }
        guard let sequence = node.sequence else { throw wrong(key, node, "a list of sections") }
        return try sequence.enumerated().map { index, item in
            guard let mapping = item.mapping else { throw wrong(key, item, "a list of sections") }
            return RecipeReader(mapping, path: "\(full(key))[\(index)]", origin: origin)
        }
    }

    /// All keys of a section whose keys are free, in their order.
    package var entries: [(key: String, value: Node)] {
        (node ?? [:]).map { key, value in
            let name = key.string ?? key.summary
            known.append(name)
            return (name, value)
        }
    }

    /// Refuses keys that nobody asked for.
    package func finish() throws {
        for (keyNode, _) in node ?? [:] {
            let key = keyNode.string ?? keyNode.summary
            guard known.contains(key) else {
                throw RecipeError.unknownKey(
                    place: origin.place(full(key), keyNode), key: full(key), suggestion: nearest(key, among: known))
            }
        }
    }
}

/// A key's value that wins over the file's: `section.key=value`, the value in YAML.
package struct RecipeOverride: Sendable, Equatable {
    package let text: String
    /// Where it was said, in errors.
    package let place: String

    package init(_ text: String, place: String) { (self.text, self.place) = (text, place) }

    /// As the command line gives it.
    package init(option text: String) { self.init(text, place: "--set \(text)") }

    /// The key; the whole text where it has no value.
    package var key: String { String(text.prefix { $0 != "=" }) }
}

/// Where a value of the merged recipe came from.
package struct RecipeOrigin {
    package let file: String
    package var overrides: [RecipeOverride] = []

    package init(file: String, overrides: [RecipeOverride] = []) { (self.file, self.overrides) = (file, overrides) }

    package func place(_ key: String, _ node: Node) -> String {
        if let override = overrides.last(where: { $0.text.hasPrefix(key + "=") || $0.text.hasPrefix(key + ".") }) {
            return override.place
        }
        return node.mark.map { "\(file):\($0.line)" } ?? file
    }
}

extension Node {
    package var isNull: Bool {
        scalar.map {
            ["null", "~", ""].contains($0.string) && $0.style == .plain || $0.style == .any && $0.string.isEmpty
        } ?? false
    }

    package var plainNumber: Double? {
        guard let scalar, let value = Double(scalar.string), value.isFinite else { return nil }
        return value
    }

    package var summary: String {
        switch self {
        case .scalar(let scalar): "'\(scalar.string.prefix(40))'"
        case .sequence: "a list"
        case .mapping: "a section"
        case .alias: "an alias"
        }
    }
}

/// The candidate with the fewest edits, if they are few for its length.
package func nearest(_ word: String, among candidates: [String]) -> String? {
    let scored = candidates.map { ($0, editDistance(word.lowercased(), $0.lowercased())) }
    guard let best = scored.min(by: { $0.1 < $1.1 }), best.1 <= max(1, word.count / 3) else { return nil }
    return best.0
}

/// Letters inserted, left out, replaced or swapped with their neighbour.
private func editDistance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a), Array(b))
    var (before, row) = ([Int](), Array(0...b.count))
    for (i, left) in a.enumerated() {
        var next = [i + 1]
        for (j, right) in b.enumerated() {
            var least = min(row[j] + (left == right ? 0 : 1), row[j + 1] + 1, next[j] + 1)
            if i > 0, j > 0, left == b[j - 1], a[i - 1] == right { least = min(least, before[j - 1] + 1) }
            next.append(least)
        }
        (before, row) = (row, next)
    }
    return row[b.count]
}
