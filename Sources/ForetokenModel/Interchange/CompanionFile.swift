import ForetokenFiles
import ForetokenFormats
import ForetokenPlatform

/// A file that belongs to a model besides its weights and configuration, such as its tokenizer or chat template.
public struct CompanionFile: Sendable {
    private enum Contents: Sendable {
        case file(URL)
        case bytes([UInt8])
    }

    /// Its name in a Hugging Face folder; a slash separates a subfolder.
    public let name: String
    /// Its path for error messages.
    public let file: String
    private let contents: Contents

    /// The largest file that is read or copied; tokenizers take tens of megabytes.
    static let sizeLimit = 1 << 30

    /// A file in a folder.
    init(name: String, at url: URL) {
        (self.name, file, contents) = (name, url.relativePath, .file(url))
    }

    /// A file whose contents another file holds.
    init(name: String, bytes: [UInt8], in file: String) {
        (self.name, self.file, contents) = (name, file, .bytes(bytes))
    }

    /// Reads its contents.
    ///
    /// - Throws: ``ModelError/system(file:action:reason:)``.
    public func read() throws(ModelError) -> [UInt8] {
        switch contents {
        case .bytes(let bytes): return bytes
        case .file(let url):
            do throws(FileFailure) {
                let mapping = try FileMapping(of: url, limit: Self.sizeLimit)
                return withExtendedLifetime(mapping) { Array(mapping.bytes) }
            } catch {
                throw .system(file: file, action: error.action, reason: error.reason)
            }
        }
    }

    /// Writes it into a folder under its name; a link's target is written, since relative links would be broken there.
    func write(to folder: URL) throws {
        let url = folder.appendingPathComponent(name)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        let bytes = try read()
        do throws(FileFailure) {
            let writer = try AtomicFileWriter(destination: url)
            try writer.append(bytes)
            try writer.commit()
        } catch {
            throw ModelError.system(file: url.relativePath, action: error.action, reason: error.reason)
        }
    }
}

extension WeightSource {
    /// The companion with a name.
    func companion(_ name: String) -> CompanionFile? { companions.first { $0.name == name } }
}
