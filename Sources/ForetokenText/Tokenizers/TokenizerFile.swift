import ForetokenFiles
public import ForetokenPlatform

/// The tokenizer file in a folder of shards or of a model.
public enum TokenizerFile {
    /// The conventional file name, as in Hugging Face's format.
    public static let name = "tokenizer.json"

    /// The name of the SentencePiece file of Llama 2 and Meta's multi-token prediction models.
    public static let sentencePieceName = "tokenizer.model"

    /// Reads a `tokenizer.json`, including that of the byte tokenizer, or a SentencePiece `.model` file.
    ///
    /// - Throws: ``TokenizerError``, `JSONError`.
    public static func read(_ url: URL) throws -> any Tokenizer {
        let mapping: FileMapping
        do throws(FileFailure) {
            mapping = try FileMapping(of: url, limit: JSONValue.defaultSizeLimit)
        } catch {
            throw TokenizerError.system(file: url.relativePath, action: error.action, reason: error.reason)
        }
        let bytes = withExtendedLifetime(mapping) { Array(mapping.bytes) }
        if url.pathExtension == "model" {
            #if SentencePiece
                return try SentencePieceTokenizer(parsing: bytes, file: url.relativePath)
            #else
                throw TokenizerError.withoutSentencePiece(file: url.relativePath)
            #endif
        }
        let byteTokenizer = ByteTokenizer()
        if bytes == byteTokenizer.definition { return byteTokenizer }
        return try BytePairTokenizer(parsing: bytes, file: url.relativePath)
    }

    /// Reads the tokenizer of a folder; without a file, the byte tokenizer.
    ///
    /// - Parameters:
    ///   - folder: the folder of a model or of shards.
    ///   - digest: the expected digest, if known.
    ///   - name: the name of the expected tokenizer, for errors.
    /// - Throws: ``TokenizerError``, `JSONError`.
    public static func read(folder: URL, digest: String? = nil, name: String = "") throws -> any Tokenizer {
        func isThere(_ name: String) -> Bool {
            FileManager.default.fileExists(atPath: folder.appendingPathComponent(name).path)
        }
        let found = [Self.name, sentencePieceName].first(where: isThere)
        let (url, isThere) = (folder.appendingPathComponent(found ?? Self.name), found != nil)
        let tokenizer: any Tokenizer = isThere ? try read(url) : ByteTokenizer()
        guard let digest, digest != tokenizer.digest else { return tokenizer }
        guard isThere else { throw TokenizerError.missing(file: url.relativePath, expected: name) }
        let names = TokenizerError.names(tokenizer.name, tokenizer.digest, name, digest)
        throw TokenizerError.other(file: url.relativePath, found: names.found, expected: names.expected)
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
