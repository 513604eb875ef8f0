public import Foundation

/// A line of `metrics.jsonl`.
public struct MetricsRecord: Sendable, Equatable {
    /// What was measured: `train` or `validation`.
    public let kind: String
    /// Steps done.
    public let step: Int
    /// The values by name.
    public let values: [(String, MetricsValue)]

    /// A record.
    public init(kind: String, step: Int, _ values: [(String, MetricsValue)]) {
        (self.kind, self.step, self.values) = (kind, step, values)
    }

    /// Reads a line; nil if it is no record. Values that are neither numbers nor texts are passed over.
    public init?(line: Data) {
        guard let object = try? JSONSerialization.jsonObject(with: line) as? [String: Any],
            let step = object["step"] as? Int
        else { return nil }
        self.init(
            kind: object["kind"] as? String ?? "", step: step,
            object.sorted { $0.key < $1.key }.compactMap { name, value in
                name == "kind" || name == "step" ? nil : MetricsValue(json: value).map { (name, $0) }
            })
    }

    /// Equal kind, step and values in order.
    public static func == (a: MetricsRecord, b: MetricsRecord) -> Bool {
        a.kind == b.kind && a.step == b.step && a.values.elementsEqual(b.values) { $0 == $1 }
    }

    /// Calls `body` with every record of a file; a last line that was torn by a kill is passed over.
    ///
    /// - Throws: ``MetricsError`` for a line before the last that is no record, file errors, what `body` throws.
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

extension MetricsValue {
    /// A value as JSONSerialization reads it.
    init?(json: Any) {
        func number(_ value: Any) -> Double? {
            // The log writes what JSON has no number for as one of these texts.
            (value as? Double) ?? (value as? String).flatMap { ["nan", "inf", "-inf"].contains($0) ? Double($0) : nil }
        }
        if let value = number(json) {
            self = .number(value)
        } else if let values = (json as? [Any])?.compactMap(number), values.count == (json as? [Any])?.count {
            self = .numbers(values)
        } else if let text = json as? String {
            self = .text(text)
        } else {
            return nil
        }
    }

    /// The numbers in it; `head` counts from 1 where there is one for each head.
    var scalars: [(head: Int?, value: Double)] {
        switch self {
        case .number(let value): [(nil, value)]
        case .integer(let value): [(nil, Double(value))]
        case .numbers(let values): values.enumerated().map { ($0.offset + 1, $0.element) }
        case .text: []
        }
    }
}
