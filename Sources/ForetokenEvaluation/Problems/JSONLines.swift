import ForetokenFiles
import Foundation

/// The objects of a JSONL file, plain or compressed with gzip or zstd.
enum JSONLines {
    /// Bytes of a file, unpacked, at most.
    static let sizeLimit = 4 << 30

    /// Calls `body` with every line's place; blank lines are skipped, and so is a last line without its end if
    /// `allowsPartialEnd`.
    static func read(
        _ url: URL, allowsPartialEnd: Bool = false, _ body: (JSONNode, _ line: Int) throws -> Void
    ) throws {
        try readTexts(url, allowsPartialEnd: allowsPartialEnd) { text, name, line in
            try body(JSONNode(try JSONValue(parsing: text, file: name), file: name), line)
        }
    }

    /// As ``read(_:allowsPartialEnd:_:)``, of lines whose texts may hold what UTF-8 cannot: these are told of, and have
    /// U+FFFD instead.
    static func readSurrogates(
        _ url: URL, _ body: (JSONNode, _ hasLoneSurrogates: Bool, _ line: Int) throws -> Void
    ) throws {
        try readTexts(url, allowsPartialEnd: false) { text, name, line in
            let (value, hasLoneSurrogates) = try JSONValue.parsingSurrogates(text, file: name)
            try body(JSONNode(value, file: name), hasLoneSurrogates, line)
        }
    }

    private static func readTexts(
        _ url: URL, allowsPartialEnd: Bool, _ body: (UnsafeRawBufferPointer, _ name: String, _ line: Int) throws -> Void
    ) throws {
        let bytes = try unpacked(url)
        let name = url.relativePath
        try bytes.withUnsafeBytes { bytes in
            // Editors of Windows begin a text with a mark.
            var (start, line) = (bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0, 0)
            while start < bytes.count {
                line += 1
                let newline = bytes[start...].firstIndex(of: 0x0A)
                if newline == nil && allowsPartialEnd { return }
                let text = UnsafeRawBufferPointer(rebasing: bytes[start..<(newline ?? bytes.count)])
                start = newline.map { $0 + 1 } ?? bytes.count
                if text.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { continue }
                do {
                    try body(text, name, line)
                } catch let error as JSONError {
                    throw EvaluationError.badLine(file: name, line: line, reason: reason(error, name))
                }
            }
        }
    }

    /// The error without the file's name, which the line's error says already; the column stays.
    private static func reason(_ error: JSONError, _ name: String) -> String {
        if case .malformed(_, _, let column, let problem) = error { return "column \(column): \(problem)" }
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
