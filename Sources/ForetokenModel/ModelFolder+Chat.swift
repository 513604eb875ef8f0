import ForetokenFiles
public import ForetokenPlatform
public import ForetokenText

extension ModelFolder {
    /// The chat templates of a model of any readable format; nil if it has none.
    ///
    /// - Throws: an error that names the file.
    public static func chatTemplates(of url: URL) throws -> ChatTemplates? {
        try chatTemplates(among: companions(of: url))
    }

    /// The chat templates among a model's companion files; nil if there are none.
    ///
    /// - Throws: an error that names the file.
    package static func chatTemplates(among companions: [CompanionFile]) throws -> ChatTemplates? {
        let templates = try ChatTemplateFiles.templates(companions)
        guard !templates.isEmpty else { return nil }
        func file(_ name: String) -> CompanionFile? { companions.first { $0.name == name } }
        func json(_ name: String) throws -> JSONNode? { try file(name).map { try JSONNode(companion: $0) } }
        var sources: [String: ChatTemplates.Source] = [:]
        for (name, text) in templates {
            let own = name.map { ChatTemplateFiles.folder + $0 + ".jinja" } ?? ChatTemplateFiles.name
            let stored = file(own) ?? file("tokenizer_config.json")
            sources[name ?? "default"] = ChatTemplates.Source(
                file: stored?.file ?? own, bytes: Array(text.utf8))
        }
        return ChatTemplates(
            sources: sources,
            specialTokens: try ChatTemplates.specialTokens(json("tokenizer_config.json")) {
                try json("special_tokens_map.json")
            })
    }
}
