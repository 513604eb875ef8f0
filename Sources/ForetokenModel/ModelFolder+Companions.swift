package import ForetokenPlatform
package import ForetokenText

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
        let tokenizer = [TokenizerFile.fileName(in: folder)].compactMap(\.self).filter { !companionNames.contains($0) }
        for name in companionNames + tokenizer + others {
            if let url = try FolderLinks.existing(name, in: folder) { files.append(CompanionFile(name: name, at: url)) }
        }
        return files
    }

    /// What a model trained from another keeps of its files: all companions but the tokenizer itself, held in memory, since the
    /// folder may go away.
    ///
    /// - Throws: an error that names the file.
    package static func keptCompanions(of url: URL) throws -> [CompanionFile] {
        try companions(of: url).filter { !isTokenizer($0.name) }.map { file in
            CompanionFile(name: file.name, bytes: try file.read(), in: file.file)
        }
    }

    /// Writes companion files into a model's folder.
    ///
    /// - Throws: ``ModelError/system(file:action:reason:)``.
    package static func write(_ companions: [CompanionFile], to folder: URL) throws {
        for file in companions { try file.write(to: folder) }
    }

    /// The tokenizer in a model's folder or GGUF file; without one, the byte tokenizer.
    ///
    /// - Throws: `TokenizerError`, `JSONError`, `GGUFError`.
    package static func tokenizer(in url: URL) throws -> any Tokenizer {
        guard GGUFFormat.recognizes(url) else { return try TokenizerFile.read(folder: url) }
        return try tokenizer(in: url, of: configuration(of: url))
    }
}
