package import Yams

/// A value of a YAML file with its key and its place, so that an error can name both.
package struct YamlValue {
    /// The value itself.
    package let node: Node
    /// The key with its sections.
    package let key: String
    /// The file and line, or the option.
    package let place: String

    package init(node: Node, key: String, place: String) {
        (self.node, self.key, self.place) = (node, key, place)
    }

    /// The error for a value of another type.
    package func wrong(_ expected: String, in node: Node? = nil) -> RecipeError {
        .wrongType(place: place, key: key, found: (node ?? self.node).summary, expected: expected)
    }

    /// The text of a number or a truth value, which must not be quoted: in quotes it is a text.
    private func plain(_ node: Node, _ expected: String) throws -> String {
        guard let scalar = node.scalar else { throw wrong(expected, in: node) }
        guard scalar.style != .doubleQuoted, scalar.style != .singleQuoted else {
            throw RecipeError.wrongType(
                place: place, key: key, found: "the text \"\(scalar.string.prefix(40))\"",
                expected: "\(expected) without quotes")
        }
        return scalar.string
    }

    package func integer() throws -> Int {
        let expected = "a whole number"
        guard let value = Int(try plain(node, expected)) else { throw wrong(expected) }
        return value
    }

    package func unsigned() throws -> UInt64 {
        let expected = "a whole number from 0 to 2^64 − 1"
        guard let value = UInt64(try plain(node, expected)) else { throw wrong(expected) }
        return value
    }

    package func number() throws -> Double { try number(node, "a number") }

    package func numbers() throws -> [Double] {
        let expected = "a list of numbers"
        guard let items = node.sequence else { throw wrong(expected) }
        return try items.map { try number($0, expected) }
    }

    func number(_ node: Node, _ expected: String) throws -> Double {
        guard let value = Double(try plain(node, expected)), value.isFinite else { throw wrong(expected, in: node) }
        return value
    }

    package func boolean() throws -> Bool {
        let expected = "true or false"
        _ = try plain(node, expected)
        guard let value = node.bool else { throw wrong(expected) }
        return value
    }

    package func string() throws -> String {
        guard let scalar = node.scalar else { throw wrong("a text") }
        return scalar.string
    }

    /// One of several names.
    package func choice<Choice: RawRepresentable & CaseIterable>(
        _ type: Choice.Type = Choice.self
    ) throws -> Choice where Choice.RawValue == String {
        let name = try string()
        guard let choice = Choice(rawValue: name) else {
            let names = Choice.allCases.map(\.rawValue)
            let hint = nearest(name, among: names).map { "; did you mean '\($0)'?" } ?? ""
            throw RecipeError.invalidValue(
                place: place, key: key,
                reason: "'\(name.prefix(40))' is not one of \(names.joined(separator: ", "))\(hint)")
        }
        return choice
    }

    package func mapping() throws -> Node.Mapping {
        guard let mapping = node.mapping else { throw wrong("a section of keys") }
        return mapping
    }

    /// The sections of a list.
    package func sections(_ origin: YamlOrigin) throws -> [YamlSection] {
        let expected = "a list of sections"
        guard let items = node.sequence else { throw wrong(expected) }
        return try items.enumerated().map { index, item in
            guard let mapping = item.mapping else { throw wrong(expected, in: item) }
            return YamlSection(mapping, path: "\(key)[\(index)]", origin: origin)
        }
    }
}

extension Node {
    package var isNull: Bool {
        scalar.map {
            ["null", "~", ""].contains($0.string) && $0.style == .plain || $0.style == .any && $0.string.isEmpty
        } ?? false
    }

    package var summary: String {
        switch self {
        case .scalar(let scalar): "'\(scalar.string.prefix(40).replacing("\n", with: " "))'"
        case .sequence(let items): items.isEmpty ? "an empty list" : "a list"
        case .mapping: "a section"
        case .alias: "an alias"
        }
    }
}
