import ForetokenPlatform

extension ModelFolder {
    /// The files of a Hugging Face folder that belong to a model besides weights and configuration.
    private static let companionNames = [
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "tokenizer.model", "vocab.json",
        "merges.txt", "added_tokens.json", ChatTemplateFiles.name, "generation_config.json",
    ]

    /// The companion files of a model folder.
    static func companions(in folder: URL) -> [CompanionFile] {
        let templates = folder.appendingPathComponent(ChatTemplateFiles.folder)
        let others = ((try? FileManager.default.contentsOfDirectory(atPath: templates.path)) ?? []).sorted()
            .filter { $0.hasSuffix(".jinja") && !$0.hasPrefix(".") }.map { ChatTemplateFiles.folder + $0 }
        return (companionNames + others).compactMap { name in
            let url = folder.appendingPathComponent(name)
            return FileManager.default.fileExists(atPath: url.path) ? CompanionFile(name: name, at: url) : nil
        }
    }
}
