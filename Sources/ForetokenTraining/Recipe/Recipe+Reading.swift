import ForetokenModel
public import Foundation
internal import Yams

extension Recipe {
    /// Reads and checks a recipe.
    ///
    /// - Parameters:
    ///   - url: the YAML file.
    ///   - overrides: `section.key=value`, the value in YAML; they win over the file. `section={…}` overrides the keys it
    ///     names.
    /// - Throws: ``RecipeError`` that names the file, the line and the key.
    public init(contentsOf url: URL, overrides: [String] = []) throws {
        try self.init(contentsOf: url, overriding: overrides.map(RecipeOverride.init(option:)))
    }

    package init(contentsOf url: URL, overriding overrides: [RecipeOverride]) throws {
        let text = try YamlText.read(url, what: "recipe")
        try self.init(yaml: text, file: url.relativePath, overriding: overrides)
    }

    /// Reads and checks a recipe's text; `file` is its name in errors.
    public init(yaml: String, file: String, overrides: [String] = []) throws {
        try self.init(yaml: yaml, file: file, overriding: overrides.map(RecipeOverride.init(option:)))
    }

    package init(yaml: String, file: String, overriding overrides: [RecipeOverride]) throws {
        self.init()
        var root = try YamlText.root(of: yaml, place: file, what: "recipe")
        guard root.mapping != nil else {
            throw RecipeError.unreadable(
                place: file, reason: "not a recipe: expected sections such as `model:`, found \(root.summary)")
        }
        var origin = YamlOrigin(file: file)
        for override in overrides { try override.apply(to: &root, &origin) }
        provenance.file = file
        try read(root.mapping ?? [:], section: "", origin)
        // Resolved here, so that the file of a run says what its device decided.
        memory.logitsMiB = logitsMiB
        try validate()
    }

    /// Takes over the keys of the file (`section` is empty) or of one section.
    private mutating func read(_ mapping: Node.Mapping, section: String, _ origin: YamlOrigin) throws {
        for (keyNode, node) in mapping {
            let name = keyNode.string ?? keyNode.summary
            let written = section.isEmpty ? name : "\(section).\(name)"
            let value = YamlValue(node: node, key: written, place: origin.place(written, keyNode))
            // For anchors, as in other programs' YAML.
            if section.isEmpty, name.hasPrefix("x-") { continue }
            if section.isEmpty, RecipeKey.sections.contains(where: { $0.name == name }) {
                if !node.isNull { try read(value.mapping(), section: name, origin) }
                continue
            }
            if let plain = RecipeKey.unsupported[written] {
                guard node.isNull || node.string == plain else {
                    throw RecipeError.unsupported(place: value.place, key: written, value: node.string ?? node.summary)
                }
                continue
            }
            try read(value, written: written, origin)
        }
    }

    private mutating func read(_ value: YamlValue, written: String, _ origin: YamlOrigin) throws {
        let path = RecipeKey.presentName(of: written)
        guard let key = RecipeKey.named(path) else {
            throw RecipeError.unknownKey(
                place: value.place, key: written, suggestion: RecipeKey.nearest(to: written))
        }
        if let other = provenance.places[path] {
            throw RecipeError.invalidValue(
                place: value.place, key: written,
                reason: "is given twice, under its present and its former name (\(other)); keep one of them")
        }
        if path != written {
            provenance.notices.append("\(value.place): \(written) is called \(path) now")
        }
        provenance.places[path] = value.place
        // Null is the default.
        guard !value.node.isNull else { return }
        provenance.keys.insert(path)
        try key.read(value, origin, &self)
    }
}

extension RecipeKey {
    /// Whether a path names a key, or a part of one's value (`training.headWeights.decay`).
    package static func isKnown(_ path: String) -> Bool {
        let key = path.split(separator: ".", omittingEmptySubsequences: false).prefix(2).joined(separator: ".")
        return named(presentName(of: key)) != nil || unsupported[key] != nil
    }

    /// The key that someone may have meant: of the same section, of another one, or a section.
    package static func nearest(to path: String) -> String? {
        let parts = path.split(separator: ".", maxSplits: 1).map(String.init)
        let name = parts.last ?? path
        let own = parts.count == 2 ? all.filter { $0.section == parts[0] }.map(\.name) : sections.map(\.name) + ["seed"]
        if let near = ForetokenTraining.nearest(name, among: own) { return near }
        guard let near = ForetokenTraining.nearest(name, among: all.map(\.name)) else { return nil }
        return all.first { $0.name == near }?.path
    }
}

/// A key's value that wins over the file's: `section.key=value`, the value in YAML.
package struct RecipeOverride: Sendable, Equatable {
    package let text: String
    /// Where it was given, for errors.
    package let place: String

    package init(_ text: String, place: String) { (self.text, self.place) = (text, place) }

    /// As the command line gives it.
    package init(option text: String) { self.init(text, place: "--set \(text)") }

    /// The key by its present name; the whole text where it has no value.
    package var key: String {
        RecipeKey.presentName(of: String(text.prefix { $0 != "=" }))
    }

    /// Sets the value in a recipe's tree, making sections on the way; a section's values are merged into what is there.
    fileprivate func apply(to root: inout Node, _ origin: inout YamlOrigin) throws {
        guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
            throw RecipeError.unreadable(place: place, reason: "expected section.key=value")
        }
        let key = String(text[..<equals])
        let value = try YamlText.root(
            of: String(text[text.index(after: equals)...]), place: place, what: "value", isFile: false,
            empty: Node(""))
        guard RecipeKey.sections.contains(where: { $0.name == key }) else {
            return try set(value, at: key, in: &root, &origin)
        }
        guard let section = value.mapping else {
            throw RecipeError.wrongType(
                place: place, key: key, found: value.summary,
                expected: "a section such as {heads: 4}, or one of its keys")
        }
        let keys = section.map { RecipeKey.presentName(of: "\(key).\($0.key.string ?? "")") }
        if let twice = keys.indices.first(where: { keys[..<$0].contains(keys[$0]) }) {
            throw RecipeError.invalidValue(
                place: place, key: keys[twice], reason: "is given twice, under its present and its former name")
        }
        for (inner, value) in section {
            try set(value, at: "\(key).\(inner.string ?? inner.summary)", in: &root, &origin)
        }
    }

    private func set(_ value: Node, at key: String, in root: inout Node, _ origin: inout YamlOrigin) throws {
        let path = key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        func set(_ node: Node?, _ rest: ArraySlice<String>, _ done: [String]) throws -> Node {
            guard let name = rest.first else { return value }
            guard node?.mapping != nil || node?.isNull ?? true else {
                throw RecipeError.unknownKey(place: place, key: key, suggestion: done.joined(separator: "."))
            }
            var mapping = node?.mapping ?? Node.Mapping([])
            // The former name of a key that is given under its present name, or the other way round, is replaced.
            for other in RecipeKey.spellings(of: (done + [name]).joined(separator: ".")) {
                mapping[Node(String(other.split(separator: ".").last ?? ""))] = nil
            }
            mapping[Node(name)] = try set(mapping[Node(name)], rest.dropFirst(), done + [name])
            return .mapping(mapping)
        }
        root = try set(root, path[...], [])
        origin.overridden[key] = place
    }
}

extension RecipeKey {
    /// The other names under which a key may stand.
    fileprivate static func spellings(of path: String) -> [String] {
        formerPaths.flatMap { former, present in
            path == former ? [present] : path == present ? [former] : []
        }
    }
}
