import ForetokenFiles
public import ForetokenPlatform
public import ForetokenText

/// Reads and writes the tokenizer of a model being converted.
enum ConvertedTokenizer {
    /// Reads the tokenizer among a source's companion files, or the byte tokenizer if the model was trained with it; nil, with
    /// a note that says why, if there is no supported tokenizer.
    static func read(_ source: any WeightSource) -> (tokenizer: (any Tokenizer)?, notes: [String]) {
        let configuration = source.configuration
        guard let file = ModelFolder.tokenizerFile(among: source.companions) else {
            let bytes = ByteTokenizer()
            if configuration.tokenizerDigest == bytes.digest { return (bytes, []) }
            return (nil, ["\(source.file): no \(TokenizerFile.name) next to the model"])
        }
        do {
            let tokenizer = try TokenizerFile.tokenizer(parsing: file.read(), file: file.file)
            return (try ModelFolder.checked(tokenizer, file: file.file, of: configuration), [])
        } catch {
            return (nil, ["the tokenizer cannot be used: \(error)"])
        }
    }

    /// Writes a source's companion files, the tokenizer if it is not among them, and settings for other programs.
    static func write(_ tokenizer: (any Tokenizer)?, of source: any WeightSource, to folder: URL) throws {
        for file in source.companions { try file.write(to: folder) }
        guard let tokenizer else { return }
        if source.companion(tokenizer.definitionName) == nil { try TokenizerFile.write(tokenizer, to: folder) }
        if source.companion(settingsName) == nil, tokenizer.definitionName == TokenizerFile.name {
            try settingsOf(tokenizer, source.configuration).write(to: folder.appendingPathComponent(settingsName))
        }
    }

    private static let settingsName = "tokenizer_config.json"

    /// A `tokenizer_config.json` with which transformers opens a `tokenizer.json`.
    private static func settingsOf(_ tokenizer: any Tokenizer, _ configuration: ModelConfiguration) -> JSONValue {
        var settings: JSONObject = JSONObject()
        settings["tokenizer_class"] = "PreTrainedTokenizerFast"
        settings["clean_up_tokenization_spaces"] = false
        settings["model_max_length"] = .integer(configuration.contextLength)
        let roles = configuration.tokenRoles
        for (key, token) in [
            ("bos_token", roles.beginning ?? configuration.beginningOfText), ("eos_token", configuration.endOfText),
            ("pad_token", roles.padding),
        ] {
            guard let token, let name = tokenizer.specialTokenName(token) else { continue }
            settings[key] = .string(String(decoding: name, as: UTF8.self))
        }
        return .object(settings)
    }
}

extension ModelFolder {
    /// Reads the tokenizer in a model's folder or GGUF file: the one the model was trained with, or, for another program's
    /// checkpoint, which does not name it, one that fits the vocabulary.
    ///
    /// - Throws: `TokenizerError`, `JSONError`, ``ModelError``, naming the file.
    public static func tokenizer(in folder: URL, of configuration: ModelConfiguration) throws -> any Tokenizer {
        if GGUFFormat.recognizes(folder) { return try GGUFSource.tokenizer(in: folder, of: configuration) }
        guard configuration.tokenizerDigest.isEmpty else {
            if let name = TokenizerFile.fileName(in: folder) { _ = try FolderLinks.existing(name, in: folder) }
            return try TokenizerFile.read(
                folder: folder, digest: configuration.tokenizerDigest, name: configuration.tokenizerName)
        }
        let url = tokenizerFiles(of: folder).first ?? folder.appendingPathComponent(TokenizerFile.name)
        try FolderLinks.check(url, in: url.deletingLastPathComponent())
        return try tokenizer(at: url, of: configuration)
    }

    /// The tokenizer files of another program's checkpoint, the preferred one first: in its folder or, as in Meta's releases,
    /// one folder up.
    static func tokenizerFiles(of folder: URL) -> [URL] {
        let above = folder.appendingPathComponent("..").standardizedFileURL
        return [
            folder.appendingPathComponent(TokenizerFile.fileName(in: folder) ?? TokenizerFile.name),
            above.appendingPathComponent(TokenizerFile.sentencePieceName),
        ].filter { FileManager.default.fileExists(atPath: $0.path) }
    }

    /// Reads a model's tokenizer from a file.
    static func tokenizer(at url: URL, of configuration: ModelConfiguration) throws -> any Tokenizer {
        try checked(TokenizerFile.read(url), file: url.relativePath, of: configuration)
    }

    /// The tokenizer's file among companion files, the preferred one first.
    static func tokenizerFile(among companions: [CompanionFile]) -> CompanionFile? {
        let names = [TokenizerFile.name, TokenizerFile.sentencePieceName]
        let usual = names.lazy.compactMap { name in companions.first { $0.name == name } }.first
        return usual ?? companions.first { isTokenizer($0.name) }
    }

    /// Whether a file of a folder is a tokenizer by its name.
    static func isTokenizer(_ name: String) -> Bool {
        name == TokenizerFile.name || name.hasPrefix(TokenizerFile.sentencePieceName) || name.hasSuffix(".tiktoken")
    }

    /// The tokenizer, if it is the one of the configuration.
    static func checked(
        _ tokenizer: any Tokenizer, file: String, of configuration: ModelConfiguration
    ) throws -> any Tokenizer {
        if !configuration.tokenizerDigest.isEmpty, configuration.tokenizerDigest != tokenizer.digest {
            let names = TokenizerError.names(
                tokenizer.name, tokenizer.digest, configuration.tokenizerName, configuration.tokenizerDigest)
            throw TokenizerError.other(file: file, found: names.found, expected: names.expected)
        }
        guard tokenizer.vocabularySize <= configuration.vocabulary else {
            throw ModelError.disagreement(
                file: file, key: "the vocabulary", found: "\(tokenizer.vocabularySize) tokens",
                expected: "at most the \(configuration.vocabulary) of config.json")
        }
        return tokenizer
    }
}
