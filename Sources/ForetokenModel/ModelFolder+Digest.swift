import ForetokenFiles
public import ForetokenPlatform

extension ModelFolder {
    /// Number of pieces read of each weight file; small files are read whole.
    private static let pieces = 64
    private static let pieceBytes = 1 << 16

    /// Computes a digest that identifies a model. It covers its JSON files, its tokenizer, and the names, sizes and 64 evenly
    /// spaced pieces of its weight files, so it takes milliseconds for a model of any size.
    ///
    /// Results files contain it, so that results of one model are not continued with another.
    ///
    /// - Parameters:
    ///   - folder: the model folder or GGUF file.
    ///   - settings: other settings that change the model's output, such as the weight format.
    /// - Returns: 16 hexadecimal digits.
    /// - Throws: ``ModelError/system(file:action:reason:)``, file errors.
    public static func digest(of folder: URL, settings: String = "") throws -> String {
        if GGUFFormat.recognizes(folder) { return try digest(ofFile: folder, settings: settings) }
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        var bytes = Array(settings.utf8)
        for name in names + ["\(extrasFolder)/\(configurationName)"]
        where name.hasSuffix(".json") || name.hasSuffix(".model") {
            guard let text = try? Data(contentsOf: folder.appendingPathComponent(name)) else { continue }
            bytes += Array("\(name) \(SHA256.hex(of: Array(text)))".utf8)
        }
        for name in names where name.hasSuffix(".safetensors") || name.hasSuffix(".pth") {
            let weights = folder.appendingPathComponent(name)
            do throws(FileFailure) {
                bytes += pieces(of: try FileMapping(of: weights), name: name)
            } catch {
                throw ModelError.system(file: weights.relativePath, action: error.action, reason: error.reason)
            }
        }
        return String(SHA256.hex(of: bytes).prefix(16))
    }

    /// The digest of a model in one file; its beginning, with all metadata but that of a large vocabulary, is among the pieces.
    private static func digest(ofFile url: URL, settings: String) throws -> String {
        do throws(FileFailure) {
            let bytes = Array(settings.utf8) + pieces(of: try FileMapping(of: url), name: url.lastPathComponent)
            return String(SHA256.hex(of: bytes).prefix(16))
        } catch {
            throw ModelError.system(file: url.relativePath, action: error.action, reason: error.reason)
        }
    }

    private static func pieces(of file: FileMapping, name: String) -> [UInt8] {
        withExtendedLifetime(file) {
            let size = file.bytes.count
            var bytes = Array("\(name) \(size)".utf8)
            for start in stride(from: 0, to: size, by: max(pieceBytes, size / pieces)) {
                bytes += file.bytes[start..<min(size, start + pieceBytes)]
            }
            return bytes
        }
    }
}
