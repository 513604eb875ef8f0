import ForetokenFiles
public import ForetokenPlatform

/// A tokenizer beside what was made with it: `tokenizer.json` in the folder of shards or of a model.
public enum TokenizerFile {
    /// The file's name, which other tools know.
    public static let name = "tokenizer.json"

    /// The name of SentencePiece's file beside Llama 2 and Meta's multi-token models.
    public static let sentencePieceName = "tokenizer.model"

    /// Reads a `tokenizer.json`, that of the byte tokenizer too, or a `.model` of SentencePiece.
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

    /// The tokenizer of a folder; bytes where it holds none.
    ///
    /// - Parameters:
    ///   - folder: of a model or of shards.
    ///   - digest: what it must be, if that is known.
    ///   - name: how errors call the one that it must be.
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

    /// Writes a tokenizer into a folder, whole or not at all.
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
