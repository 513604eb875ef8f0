import ForetokenFiles
public import Foundation

/// A tokenizer beside what was made with it: `tokenizer.json` in the folder of shards or of a model.
public enum TokenizerFile {
    /// The file's name, which other tools know.
    public static let name = "tokenizer.json"

    /// Reads a `tokenizer.json`, that of the byte tokenizer too.
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
        let url = folder.appendingPathComponent(Self.name)
        let isThere = FileManager.default.fileExists(atPath: url.path)
        let tokenizer: any Tokenizer = isThere ? try read(url) : ByteTokenizer()
        guard let digest, digest != tokenizer.digest else { return tokenizer }
        throw isThere
            ? TokenizerError.other(file: url.relativePath, found: tokenizer.name, expected: name)
            : TokenizerError.missing(file: url.relativePath, expected: name)
    }

    /// Writes a tokenizer into a folder, whole or not at all.
    ///
    /// - Throws: ``TokenizerError/system(file:action:reason:)``.
    public static func write(_ tokenizer: any Tokenizer, to folder: URL) throws(TokenizerError) {
        let url = folder.appendingPathComponent(name)
        do throws(FileFailure) {
            let writer = try AtomicFileWriter(destination: url)
            try writer.append(String(decoding: tokenizer.definition, as: UTF8.self))
            try writer.commit()
        } catch {
            throw .system(file: url.relativePath, action: error.action, reason: error.reason)
        }
    }
}
