import ForetokenFiles
public import ForetokenPlatform

/// The tokenizer file in a folder of shards or of a model.
public enum TokenizerFile {
    /// The conventional file name, as in Hugging Face's format.
    public static let name = "tokenizer.json"

    /// The name of the SentencePiece file of Llama 2 and Meta's multi-token prediction models.
    public static let sentencePieceName = "tokenizer.model"

    /// Reads a `tokenizer.json`, including that of the byte tokenizer, a SentencePiece model, or a tiktoken vocabulary.
    ///
    /// The contents decide, not the name: Mistral names SentencePiece models `tokenizer.model.v3`, and Llama 3's `tokenizer.model` is a
    /// tiktoken vocabulary.
    /// - Throws: ``TokenizerError``, `JSONError`.
    public static func read(_ url: URL) throws -> any Tokenizer {
        let mapping: FileMapping
        do throws(FileFailure) {
            mapping = try FileMapping(of: url, limit: JSONValue.defaultSizeLimit)
        } catch {
            throw TokenizerError.system(file: url.relativePath, action: error.action, reason: error.reason)
        }
        let bytes = withExtendedLifetime(mapping) { Array(mapping.bytes) }
        return try tokenizer(parsing: bytes, file: url.relativePath)
    }

    /// Reads the contents of a tokenizer's file; `file` is its name for error messages.
    ///
    /// - Throws: ``TokenizerError``, `JSONError`.
    public static func tokenizer(parsing bytes: [UInt8], file: String) throws -> any Tokenizer {
        switch try TokenizerFormat(bytes, file: file) {
        case .sentencePiece:
            #if SentencePiece
                return try SentencePieceTokenizer(parsing: bytes, file: file)
            #else
                throw TokenizerError.withoutSentencePiece(file: file)
            #endif
        case .tiktoken:
            return try BytePairTokenizer(parsing: Tiktoken.definition(of: bytes, name: file), file: file)
        case .json:
            let byteTokenizer = ByteTokenizer()
            if bytes == byteTokenizer.definition { return byteTokenizer }
            let root = JSONNode(try bytes.withUnsafeBytes { try JSONValue(parsing: $0, file: file) }, file: file)
            // Byte-level vocabularies say so in their decoder, the others are written in characters.
            switch try root["decoder"].ifPresent?["type"].string() {
            case "Sequence", "Metaspace": return try MetaspaceTokenizer(root, definition: bytes)
            default: return try BytePairTokenizer(root, definition: bytes)
            }
        }
    }

    /// Reads the tokenizer of a folder; without a file, the byte tokenizer.
    ///
    /// - Parameters:
    ///   - folder: the folder of a model or of shards.
    ///   - digest: the expected digest, if known.
    ///   - name: the name of the expected tokenizer, for errors.
    /// - Throws: ``TokenizerError``, `JSONError`.
    public static func read(folder: URL, digest: String? = nil, name: String = "") throws -> any Tokenizer {
        let found = fileName(in: folder)
        let (url, isThere) = (folder.appendingPathComponent(found ?? Self.name), found != nil)
        let tokenizer: any Tokenizer = isThere ? try read(url) : ByteTokenizer()
        guard let digest, digest != tokenizer.digest else { return tokenizer }
        guard isThere else { throw TokenizerError.missing(file: url.relativePath, expected: name) }
        let names = TokenizerError.names(tokenizer.name, tokenizer.digest, name, digest)
        throw TokenizerError.other(file: url.relativePath, found: names.found, expected: names.expected)
    }

    /// The name of the tokenizer's file in a folder: `tokenizer.json`, else `tokenizer.model`, one with a version
    /// (`tokenizer.model.v3`), or a tiktoken vocabulary (`qwen.tiktoken`).
    public static func fileName(in folder: URL) -> String? {
        func isThere(_ name: String) -> Bool {
            FileManager.default.fileExists(atPath: folder.appendingPathComponent(name).path)
        }
        if let name = [name, sentencePieceName].first(where: isThere) { return name }
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()
        return names.last { $0.contains("\(sentencePieceName).v") } ?? names.first { $0.hasSuffix(".tiktoken") }
    }

    /// Writes a tokenizer's file to a folder, atomically.
    ///
    /// - Throws: ``TokenizerError/system(file:action:reason:)``.
    public static func write(_ tokenizer: any Tokenizer, to folder: URL) throws(TokenizerError) {
        let url = folder.appendingPathComponent(tokenizer.definitionName)
        do throws(FileFailure) {
            let writer = try AtomicFileWriter(destination: url)
            try writer.append(tokenizer.definition)
            try writer.commit()
        } catch {
            throw .system(file: url.relativePath, action: error.action, reason: error.reason)
        }
    }
}
