import ForetokenFiles
public import ForetokenPlatform
public import ForetokenText

/// The tokenizer of a model that is converted.
enum CarriedTokenizer {
    /// The tokenizer among a source's companions, or bytes where the model was trained with them; nil, and why, where it has
    /// none that this version reads.
    static func read(_ source: any WeightSource) -> (tokenizer: (any Tokenizer)?, notes: [String]) {
        let configuration = source.configuration
        let names = [TokenizerFile.name, TokenizerFile.sentencePieceName]
        let found = names.compactMap { name in source.companions.first { $0.lastPathComponent == name } }.first
        guard let url = found else {
            let bytes = ByteTokenizer()
            if configuration.tokenizerDigest == bytes.digest { return (bytes, []) }
            return (nil, ["\(source.file): no \(TokenizerFile.name) beside the model"])
        }
        do {
            return (try ModelFolder.tokenizer(at: url, of: configuration), [])
        } catch {
            return (nil, ["the tokenizer is of no use here: \(error)"])
        }
    }

    /// Copies a source's companions, and writes the tokenizer where they do not hold it.
    static func write(_ tokenizer: (any Tokenizer)?, of source: any WeightSource, to folder: URL) throws {
        for file in source.companions {
            // A link, as caches of downloads have, would point from the new folder to nowhere.
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

    /// What transformers needs to open a `tokenizer.json` by itself.
    private static func settingsOf(_ tokenizer: any Tokenizer, _ configuration: ModelConfiguration) -> JSONValue {
        var settings: JSONObject = JSONObject()
        settings["tokenizer_class"] = "PreTrainedTokenizerFast"
        settings["clean_up_tokenization_spaces"] = false
        settings["model_max_length"] = .integer(configuration.context)
        return .object(settings)
    }
}

extension ModelFolder {
    /// The tokenizer beside a model: the one it was trained with, or of a foreign checkpoint, which does not say, one that
    /// fits its vocabulary.
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

    /// The tokenizer's files of a foreign checkpoint, the best first: beside it or, as Meta released its models, one folder
    /// up.
    static func tokenizerFiles(of folder: URL) -> [URL] {
        let model = TokenizerFile.sentencePieceName
        return [
            folder.appendingPathComponent(TokenizerFile.name), folder.appendingPathComponent(model),
            folder.appendingPathComponent("..").standardizedFileURL.appendingPathComponent(model),
        ].filter { FileManager.default.fileExists(atPath: $0.path) }
    }

    /// As above, from the file itself.
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
