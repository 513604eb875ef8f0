import ForetokenFiles
public import ForetokenPlatform
public import ForetokenText

/// Reads and writes the tokenizer of a model being converted.
enum ConvertedTokenizer {
    /// Reads the tokenizer among a source's companion files, or the byte tokenizer if the model was trained with it; nil, with
    /// a note that says why, if there is no supported tokenizer.
    static func read(_ source: any WeightSource) -> (tokenizer: (any Tokenizer)?, notes: [String]) {
        let configuration = source.configuration
        let names = [TokenizerFile.name, TokenizerFile.sentencePieceName]
        let found = names.compactMap { name in source.companions.first { $0.lastPathComponent == name } }.first
        guard let url = found else {
            let bytes = ByteTokenizer()
            if configuration.tokenizerDigest == bytes.digest { return (bytes, []) }
            return (nil, ["\(source.file): no \(TokenizerFile.name) next to the model"])
        }
        do {
            return (try ModelFolder.tokenizer(at: url, of: configuration), [])
        } catch {
            return (nil, ["the tokenizer cannot be used: \(error)"])
        }
    }

    /// Copies a source's companion files, and writes the tokenizer if it is not among them.
    static func write(_ tokenizer: (any Tokenizer)?, of source: any WeightSource, to folder: URL) throws {
        for file in source.companions {
            // Download caches use relative links, which would be broken in the new folder.
            try FileManager.default.copyItem(
                at: file.resolvingSymlinksInPath(), to: folder.appendingPathComponent(file.lastPathComponent))
        }
        guard let tokenizer else { return }
        if !source.companions.contains(where: { $0.lastPathComponent == tokenizer.definitionName }) {
            try TokenizerFile.write(tokenizer, to: folder)
        }
        let settings = folder.appendingPathComponent("tokenizer_config.json")
        guard tokenizer.definitionName == TokenizerFile.name, !FileManager.default.fileExists(atPath: settings.path)
        else { return }
        try settingsOf(tokenizer, source.configuration).write(to: settings)
    }

    /// A `tokenizer_config.json` with which transformers opens a `tokenizer.json`.
    private static func settingsOf(_ tokenizer: any Tokenizer, _ configuration: ModelConfiguration) -> JSONValue {
        var settings: JSONObject = JSONObject()
        settings["tokenizer_class"] = "PreTrainedTokenizerFast"
        settings["clean_up_tokenization_spaces"] = false
        settings["model_max_length"] = .integer(configuration.contextLength)
        return .object(settings)
    }
}

extension ModelFolder {
    /// Reads the tokenizer in a model's folder: the one the model was trained with, or, for another program's checkpoint, which
    /// does not name it, one that fits the vocabulary.
    ///
    /// - Throws: `TokenizerError`, `JSONError`, ``ModelError``, naming the file.
    public static func tokenizer(in folder: URL, of configuration: ModelConfiguration) throws -> any Tokenizer {
        guard configuration.tokenizerDigest.isEmpty else {
            return try TokenizerFile.read(
                folder: folder, digest: configuration.tokenizerDigest, name: configuration.tokenizerName)
        }
        let url = tokenizerFiles(of: folder).first ?? folder.appendingPathComponent(TokenizerFile.name)
        return try tokenizer(at: url, of: configuration)
    }

    /// The tokenizer files of another program's checkpoint, the preferred one first: in its folder or, as in Meta's releases,
    /// one folder up.
    static func tokenizerFiles(of folder: URL) -> [URL] {
        let model = TokenizerFile.sentencePieceName
        return [
            folder.appendingPathComponent(TokenizerFile.name), folder.appendingPathComponent(model),
            folder.appendingPathComponent("..").standardizedFileURL.appendingPathComponent(model),
        ].filter { FileManager.default.fileExists(atPath: $0.path) }
    }

    /// Reads a model's tokenizer from a file.
    static func tokenizer(at url: URL, of configuration: ModelConfiguration) throws -> any Tokenizer {
        let tokenizer = try TokenizerFile.read(url)
        if !configuration.tokenizerDigest.isEmpty, configuration.tokenizerDigest != tokenizer.digest {
            let names = TokenizerError.names(
                tokenizer.name, tokenizer.digest, configuration.tokenizerName, configuration.tokenizerDigest)
            throw TokenizerError.other(file: url.relativePath, found: names.found, expected: names.expected)
        }
        guard tokenizer.vocabularySize <= configuration.vocabulary else {
            throw ModelError.disagreement(
                file: url.relativePath, key: "the vocabulary", found: "\(tokenizer.vocabularySize) tokens",
                expected: "at most the \(configuration.vocabulary) of config.json")
        }
        return tokenizer
    }
}
