import Foundation
import Torch

/// The objects of a JSONL file, plain or compressed with gzip or zstd.
enum JSONLines {
    /// Bytes of a file, unpacked, at most.
    static let sizeLimit = 4 << 30

    /// Calls `body` with every line's place; blank lines are skipped, and so is a last line without its end if
    /// `allowsPartialEnd`.
    ///
    /// - Returns: the bytes up to the end of the last whole line.
    @discardableResult
    static func read(
        _ url: URL, allowsPartialEnd: Bool = false, _ body: (JSONNode, _ line: Int) throws -> Void
    ) throws -> Int {
        let bytes = try unpacked(url)
        let name = url.relativePath
        return try bytes.withUnsafeBytes { bytes in
            var (start, line) = (0, 0)
            while start < bytes.count {
                line += 1
                let newline = bytes[start...].firstIndex(of: 0x0A)
                if newline == nil && allowsPartialEnd { return start }
                let text = UnsafeRawBufferPointer(rebasing: bytes[start..<(newline ?? bytes.count)])
                start = newline.map { $0 + 1 } ?? bytes.count
                if text.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { continue }
                do {
                    let node = JSONNode(try JSONValue(parsing: text, file: name), file: name)
                    _ = try node.object()
                    try body(node, line)
                } catch let error as JSONError {
                    throw EvaluationError.badLine(file: name, line: line, reason: reason(error, name))
                }
            }
            return start
        }
    }

    /// The error without the file's name, which the line's error says already.
    private static func reason(_ error: JSONError, _ name: String) -> String {
        let text = error.description
        return text.hasPrefix(name + ": ") ? String(text.dropFirst(name.count + 2)) : text
    }

    private static func unpacked(_ url: URL) throws -> Data {
        let data: Data
        do {
            data = try Data(contentsOf: url, options: .mappedIfSafe)
        } catch {
            throw EvaluationError.system(
                file: url.relativePath,
                reason: FileManager.default.fileExists(atPath: url.path) ? "cannot be read" : "there is no such file")
        }
        guard data.starts(with: [0x1F, 0x8B]) || data.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) else { return data }
        do throws(FileFailure) {
            return Data(try UnpackingReader(url).contents(limit: sizeLimit))
        } catch {
            throw EvaluationError.system(file: url.relativePath, reason: "cannot \(error.action): \(error.reason)")
        }
    }
}
