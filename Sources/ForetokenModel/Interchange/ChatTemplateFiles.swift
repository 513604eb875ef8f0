import ForetokenFiles
import ForetokenPlatform

/// The chat templates among a model's companion files, wherever Hugging Face's releases have put them.
package enum ChatTemplateFiles {
    static let name = "chat_template.jinja"
    static let folder = "additional_chat_templates/"

    /// The templates: the default one without a name, then others by name.
    ///
    /// As in transformers, `chat_template.jinja` and `additional_chat_templates/` come before `chat_template` of
    /// `tokenizer_config.json`, which is a text or a list of names and texts.
    ///
    /// - Throws: ``ModelError``, `JSONError`, naming the file.
    package static func templates(_ companions: [CompanionFile]) throws -> [(name: String?, text: String)] {
        func text(_ file: CompanionFile) throws -> String {
            guard let text = String(validating: try file.read(), as: UTF8.self) else {
                throw ModelError.system(file: file.file, action: "read", reason: "it is not UTF-8")
            }
            return text
        }
        var templates: [(name: String?, text: String)] = []
        for file in companions where file.name == name { templates.append((nil, try text(file))) }
        for file in companions where file.name.hasPrefix(folder) && file.name.hasSuffix(".jinja") {
            templates.append((String(file.name.dropFirst(folder.count).dropLast(6)), try text(file)))
        }
        guard templates.isEmpty, let settings = companions.first(where: { $0.name == "tokenizer_config.json" }) else {
            return templates
        }
        let node = try JSONNode(companion: settings)["chat_template"]
        guard let node = node.ifPresent else { return [] }
        guard case .array = node.value else { return [(nil, try node.string())] }
        return try node.array().map { entry in
            let name = try entry["name"].string()
            return (name == "default" ? nil : name, try entry["template"].string())
        }
    }
}

extension JSONNode {
    /// Parses a companion file.
    ///
    /// - Throws: ``ModelError``, `JSONError`, naming the file.
    init(companion: CompanionFile) throws {
        let value = try companion.read().withUnsafeBytes { try JSONValue(parsing: $0, file: companion.file) }
        self.init(value, file: companion.file)
    }
}
