public import Foundation

/// A line of `metrics.jsonl`.
public struct MetricsRecord: Sendable, Equatable {
    /// The kind of record: `train` or `validation`.
    public let kind: String
    /// The number of completed optimizer steps.
    public let step: Int
    /// The values with their names.
    public let values: [(String, MetricsValue)]

    /// Creates a record.
    public init(kind: String, step: Int, _ values: [(String, MetricsValue)]) {
        (self.kind, self.step, self.values) = (kind, step, values)
    }

    /// Parses a line; nil if it is not a record. Values that are neither numbers nor strings are skipped.
    public init?(line: Data) {
        // Not JSONSerialization: swift-corelibs-foundation's is off in the last bits for about a fifth of all doubles.
        guard let fields = try? JSONDecoder().decode([String: Field].self, from: line),
            case .number(let number)? = fields["step"]?.value, let step = Int(exactly: number)
        else { return nil }
        var kind = ""
        if case .text(let text)? = fields["kind"]?.value { kind = text }
        self.init(
            kind: kind, step: step,
            fields.sorted { $0.key < $1.key }.compactMap { name, field in
                name == "kind" || name == "step" ? nil : field.value.map { (name, $0) }
            })
    }

    /// Whether kind, step and values, in order, are equal.
    public static func == (a: MetricsRecord, b: MetricsRecord) -> Bool {
        a.kind == b.kind && a.step == b.step && a.values.elementsEqual(b.values) { $0 == $1 }
    }

    /// Calls `body` with every record of a file. An incomplete last line, left by a killed process, is skipped.
    ///
    /// - Throws: ``MetricsError/malformed(file:line:)`` for any other malformed line; file errors; what `body` throws.
    public static func forEach(in url: URL, _ body: (MetricsRecord) throws -> Void) throws {
        let data = try Data(contentsOf: url, options: .mappedIfSafe)
        var (start, line) = (data.startIndex, 0)
        while start < data.endIndex {
            let end = data[start...].firstIndex(of: UInt8(ascii: "\n")) ?? data.endIndex
            defer { start = end + 1 }
            line += 1
            guard end > start else { continue }
            if let record = MetricsRecord(line: data.subdata(in: start..<end)) {
                try body(record)
            } else if end < data.endIndex - 1 {
                throw MetricsError.malformed(file: url.relativePath, line: line)
            }
        }
    }
}

/// A value in a line; nil if it is neither a number, an array of numbers nor a string.
private struct Field: Decodable {
    let value: MetricsValue?

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Double.self) {
            value = .number(number)
        } else if let text = try? container.decode(String.self) {
            value = Self.number(text).map(MetricsValue.number) ?? .text(text)
        } else if let numbers = try? container.decode([Double].self) {
            value = .numbers(numbers)
        } else if let fields = try? container.decode([Field].self) {
            let numbers = fields.compactMap { field -> Double? in
                if case .number(let number)? = field.value { number } else { nil }
            }
            value = numbers.count == fields.count ? .numbers(numbers) : nil
        } else {
            value = nil
        }
    }

    /// The number that a string stands for: JSON has no literals for NaN and infinities.
    private static func number(_ text: String) -> Double? {
        ["nan", "inf", "-inf"].contains(text) ? Double(text) : nil
    }
}

extension MetricsValue {
    /// The numbers of the value; `head` counts from 1 and is nil for a value that is not per head.
    var scalars: [(head: Int?, value: Double)] {
        switch self {
        case .number(let value): [(nil, value)]
        case .integer(let value): [(nil, Double(value))]
        case .numbers(let values): values.enumerated().map { ($0.offset + 1, $0.element) }
        case .text: []
        }
    }
}
