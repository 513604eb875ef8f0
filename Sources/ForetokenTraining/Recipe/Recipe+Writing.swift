extension Recipe {
    /// The whole recipe as YAML that reads back equal.
    public var yaml: String { yaml(named: \.path) }

    /// The recipe as version 0.1 wrote it, for what was stored or hashed then.
    package var yamlOfVersion01: String {
        yaml { key in RecipeKey.formerPaths.first { $0.value == key.path }?.key ?? key.path }
    }

    private func yaml(named path: (RecipeKey) -> String) -> String {
        var lines: [String] = []
        var section = ""
        for key in RecipeKey.all where !(key.path == "training.sequenceLength" && key.write(self) == nil) {
            // That key is newer than runs and studies whose recipes are compared to the byte.
            if key.section != section {
                section = key.section
                lines.append("\(section):")
            }
            let name = path(key).split(separator: ".").last ?? ""
            lines.append((section.isEmpty ? "" : "  ") + "\(name): \(key.write(self) ?? "null")")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The keys in which two recipes differ.
    public func differingKeys(from other: Recipe) -> [String] {
        RecipeKey.all.filter { $0.write(self) != $0.write(other) }.map(\.path)
    }

    /// The value of a key such as `model.heads` as YAML; nil if no recipe has the key.
    package func value(of path: String) -> String? {
        RecipeKey.named(RecipeKey.presentName(of: path)).map { $0.write(self) ?? "null" }
    }
}
