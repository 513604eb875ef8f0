import ForetokenFiles
import Foundation

/// Reads JSONL files, and some that are one JSON array, uncompressed or compressed with gzip or zstd.
enum JSONLines {
    /// The maximum size of a file in bytes, decompressed.
    static let sizeLimit = 4 << 30

    /// Calls `body` with every line. Blank lines are skipped, and with `allowsPartialEnd` also a last line without a newline.
    static func read(
        _ url: URL, allowsPartialEnd: Bool = false, numbers: JSONNumbers = .strict,
        _ body: (JSONNode, _ line: Int) throws -> Void
    ) throws {
        try readTexts(url, allowsPartialEnd: allowsPartialEnd) { text, name, line in
            try body(JSONNode(try JSONValue(parsing: text, file: name, numbers: numbers), file: name), line)
        }
    }

    /// Calls `body` with every line, or with every element of a file that is one array; `text` is the object as the file has it.
    static func readObjects(
        _ url: URL, numbers: JSONNumbers, _ body: (JSONNode, _ text: String, _ line: Int) throws -> Void
    ) throws {
        try readTexts(url, allowsPartialEnd: false, allowsArray: true) { text, name, line in
            let node = JSONNode(try JSONValue(parsing: text, file: name, numbers: numbers), file: name)
            try body(node, String(decoding: text, as: UTF8.self), line)
        }
    }

    /// Like ``read(_:allowsPartialEnd:numbers:_:)``, but accepts lone surrogates in strings: they are replaced by U+FFFD and reported in
    /// `hasLoneSurrogates`.
    static func readSurrogates(
        _ url: URL, _ body: (JSONNode, _ hasLoneSurrogates: Bool, _ line: Int) throws -> Void
    ) throws {
        try readTexts(url, allowsPartialEnd: false) { text, name, line in
            let (value, hasLoneSurrogates) = try JSONValue.parsingSurrogates(text, file: name)
            try body(JSONNode(value, file: name), hasLoneSurrogates, line)
        }
    }

    private static func readTexts(
        _ url: URL, allowsPartialEnd: Bool, allowsArray: Bool = false,
        _ body: (UnsafeRawBufferPointer, _ name: String, _ line: Int) throws -> Void
    ) throws {
        let bytes = try unpacked(url)
        let name = url.relativePath
        func read(_ text: UnsafeRawBufferPointer, _ line: Int) throws {
            do {
                try body(text, name, line)
            } catch let error as JSONError {
                throw EvaluationError.badLine(file: name, line: line, reason: reason(error, name))
            }
        }
        try bytes.withUnsafeBytes { bytes in
            // Skips a UTF-8 byte order mark.
            var (start, line) = (bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0, 0)
            if allowsArray, let first = bytes[start...].first(where: { !isSpace($0) }), first == UInt8(ascii: "[") {
                for (range, line) in JSONArrayElements(bytes, from: start) {
                    try read(UnsafeRawBufferPointer(rebasing: bytes[range]), line)
                }
                return
            }
            while start < bytes.count {
                line += 1
                let newline = bytes[start...].firstIndex(of: 0x0A)
                if newline == nil && allowsPartialEnd { return }
                let text = UnsafeRawBufferPointer(rebasing: bytes[start..<(newline ?? bytes.count)])
                start = newline.map { $0 + 1 } ?? bytes.count
                if !text.allSatisfy(isSpace) { try read(text, line) }
            }
        }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    /// The error without the file's name, which is part of the line's error; the column is kept.
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
                reason: FileManager.default.fileExists(atPath: url.path) ? "cannot be read" : "no such file")
        }
        guard data.starts(with: [0x1F, 0x8B]) || data.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) else { return data }
        do throws(FileFailure) {
            return Data(try UnpackingReader(url).contents(limit: sizeLimit))
        } catch {
            throw EvaluationError.system(file: url.relativePath, reason: "cannot \(error.action): \(error.reason)")
        }
    }
}
