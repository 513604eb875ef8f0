package import Yams

/// Typed access to one section of a YAML file; remembers the keys that were asked for, so that the others are unknown.
package final class YamlSection {
    private let node: Node.Mapping?
    private let path: String
    /// Where its values come from, for errors.
    package let origin: YamlOrigin
    private var known: [String] = []

    /// - Parameters:
    ///   - node: the section; nil for one that is not there.
    ///   - path: the section's own key with those above it; empty for the file itself.
    package init(_ node: Node.Mapping?, path: String, origin: YamlOrigin) {
        self.node = node
        self.path = path
        self.origin = origin
    }

    /// A key's value; nil if the key is missing or null.
    package func value(_ key: String) -> YamlValue? {
        known.append(key)
        guard let pair = (node ?? [:]).first(where: { $0.key.string == key }), !pair.value.isNull else { return nil }
        return value(key, pair.value)
    }

    /// A value below this section.
    package func value(_ key: String, _ node: Node) -> YamlValue {
        YamlValue(node: node, key: full(key), place: origin.place(full(key), node))
    }

    /// A key with those of the sections around it.
    package func full(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    package func integer(_ key: String) throws -> Int? { try value(key)?.integer() }
    package func number(_ key: String) throws -> Double? { try value(key)?.number() }
    package func numbers(_ key: String) throws -> [Double]? { try value(key)?.numbers() }
    package func boolean(_ key: String) throws -> Bool? { try value(key)?.boolean() }
    package func string(_ key: String) throws -> String? { try value(key)?.string() }

    /// The section of a key; one without keys if it is missing.
    package func section(_ key: String) throws -> YamlSection {
        guard let value = value(key) else { return YamlSection(nil, path: full(key), origin: origin) }
        return YamlSection(try value.mapping(), path: full(key), origin: origin)
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

/// Where the values of a YAML tree come from.
package struct YamlOrigin: Sendable {
    /// The file's name.
    package let file: String
    /// The places of keys whose values come from elsewhere, such as the command line.
    package var overridden: [String: String] = [:]

    package init(file: String) { self.file = file }

    /// A key's place: the option that set it, or the file with the line of `node`.
    package func place(_ key: String, _ node: Node) -> String {
        let option = overridden.first { key == $0.key || key.hasPrefix($0.key + ".") || key.hasPrefix($0.key + "[") }
        if let place = option?.value ?? node.mark.map({ "\(file):\($0.line)" }) { return place }
        // A section that an option made.
        return overridden.first { $0.key.hasPrefix(key + ".") }?.value ?? file
    }
}
