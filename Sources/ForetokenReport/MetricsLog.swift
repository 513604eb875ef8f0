public import Foundation

/// A value of a metrics record.
public enum MetricsValue: Sendable, Equatable {
    /// A number; NaN and the infinities become the texts "nan", "inf", "-inf".
    case number(Double)
    /// A number for each head.
    case numbers([Double])
    /// A whole number.
    case integer(Int)
    /// A text.
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

/// `metrics.jsonl`: one JSON object a line, each with `kind` and `step`.
public final class MetricsLog {
    private let handle: FileHandle
    private let file: String

    /// Opens the file for appending, and makes it if needed.
    public init(_ url: URL) throws {
        file = url.relativePath
        if !FileManager.default.fileExists(atPath: url.path) {
            try Data().write(to: url)
        }
        handle = try FileHandle(forWritingTo: url)
        try handle.seekToEnd()
    }

    /// Appends a record as one write.
    ///
    /// - Throws: ``MetricsError/unwritable(file:reason:)``, for a full disk too.
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

    /// Keeps the records up to a step; later ones, and a last line that was torn by a kill, go.
    ///
    /// - Throws: ``MetricsError`` for a line in the middle that is no record, or a file error.
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

/// A metrics file that is none.
public enum MetricsError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A line before the last is no record.
    case malformed(file: String, line: Int)
    /// The system does not write to it.
    case unwritable(file: String, reason: String)

    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .malformed(let file, let line):
            "\(file):\(line): not a metrics record; move the file away to go on without it"
        case .unwritable(let file, let reason): "\(file): cannot write: \(reason)"
        }
    }
}
