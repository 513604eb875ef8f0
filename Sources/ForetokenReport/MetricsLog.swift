public import Foundation

/// A value of a metrics record.
public enum MetricsValue: Sendable, Equatable {
    /// A number; NaN and infinities are written as the strings "nan", "inf" and "-inf".
    case number(Double)
    /// One number per prediction head.
    case numbers([Double])
    /// An integer.
    case integer(Int)
    /// A string.
    case text(String)

    var json: String {
        func format(_ value: Double) -> String { value.isFinite ? "\(value)" : "\"\(value)\"" }
        switch self {
        case .number(let value): return format(value)
        case .numbers(let values): return "[" + values.map(format).joined(separator: ",") + "]"
        case .integer(let value): return String(value)
        case .text(let text):
            let data = try? JSONSerialization.data(withJSONObject: text, options: .fragmentsAllowed)
            return data.map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
        }
    }
}

/// `metrics.jsonl`: one JSON object per line, each with `kind` and `step`.
public final class MetricsLog {
    private let handle: FileHandle
    private let file: String

    /// Opens the file for appending; creates it if it does not exist.
    ///
    /// - Throws: file errors.
    public init(_ url: URL) throws {
        file = url.relativePath
        if !FileManager.default.fileExists(atPath: url.path) {
            try Data().write(to: url)
        }
        handle = try FileHandle(forWritingTo: url)
        try handle.seekToEnd()
    }

    /// Appends a record in a single write.
    ///
    /// - Throws: ``MetricsError/unwritable(file:reason:)``, also if the disk is full.
    public func append(kind: String, step: Int, _ values: [(String, MetricsValue)]) throws {
        let fields = [("kind", MetricsValue.text(kind)), ("step", .integer(step))] + values
        let line = "{" + fields.map { "\(MetricsValue.text($0.0).json):\($0.1.json)" }.joined(separator: ",") + "}\n"
        let bytes = Array(line.utf8)
        let written = bytes.withUnsafeBytes { write(handle.fileDescriptor, $0.baseAddress, $0.count) }
        guard written == bytes.count else {
            throw MetricsError.unwritable(
                file: file, reason: String(cString: strerror(written < 0 ? errno : ENOSPC)))
        }
    }

    /// Truncates the file to the records up to a step. An incomplete last line, left by a killed process, is removed too.
    ///
    /// - Throws: ``MetricsError/malformed(file:line:)`` for any other malformed line; file errors.
    public static func cutBack(_ url: URL, toStep step: Int) throws {
        guard FileManager.default.fileExists(atPath: url.path) else { return }
        let data = try Data(contentsOf: url)
        let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true)
        var kept = Data()
        for (index, line) in lines.enumerated() {
            guard let object = try? JSONSerialization.jsonObject(with: Data(line)) as? [String: Any],
                let found = object["step"] as? Int
            else {
                if index == lines.count - 1 { break }
                throw MetricsError.malformed(file: url.relativePath, line: index + 1)
            }
            if found <= step { kept += line + [UInt8(ascii: "\n")] }
        }
        try kept.write(to: url, options: .atomic)
    }
}

/// A metrics file that cannot be read or written.
public enum MetricsError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A line other than the last is not a metrics record.
    case malformed(file: String, line: Int)
    /// Writing failed.
    case unwritable(file: String, reason: String)

    /// The error sentence, with the next step.
    public var description: String {
        switch self {
        case .malformed(let file, let line):
            "\(file):\(line): not a metrics record; move the file away to continue without it"
        case .unwritable(let file, let reason): "\(file): cannot write: \(reason)"
        }
    }
}
