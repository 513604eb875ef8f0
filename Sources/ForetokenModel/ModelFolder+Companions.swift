package import ForetokenPlatform

extension ModelFolder {
    /// The files of a Hugging Face folder that belong to a model besides weights and configuration.
    private static let companionNames = [
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "tokenizer.model", "vocab.json",
        "merges.txt", "added_tokens.json", ChatTemplateFiles.name, "generation_config.json",
    ]

    /// The companion files of a model, whatever its format.
    ///
    /// - Throws: an error that names the file.
    package static func companions(of url: URL) throws -> [CompanionFile] {
        GGUFFormat.recognizes(url) ? try GGUFSource.vocabulary(in: url).files : try companions(in: url)
    }

    /// The companion files of a model folder.
    ///
    /// - Throws: ``ModelError/foreignLink(file:target:)``.
    static func companions(in folder: URL) throws(ModelError) -> [CompanionFile] {
        let templates = folder.appendingPathComponent(ChatTemplateFiles.folder)
        let others = ((try? FileManager.default.contentsOfDirectory(atPath: templates.path)) ?? []).sorted()
            .filter { $0.hasSuffix(".jinja") && !$0.hasPrefix(".") }.map { ChatTemplateFiles.folder + $0 }
        var files: [CompanionFile] = []
        for name in companionNames + others {
            if let url = try FolderLinks.existing(name, in: folder) { files.append(CompanionFile(name: name, at: url)) }
        }
        return files
    }
}
