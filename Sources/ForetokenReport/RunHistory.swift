public import Foundation

/// The metrics of a run over its steps, in memory that does not grow with the run's length.
public struct RunHistory: Sendable {
    /// The identity of a series.
    struct Key: Hashable, Sendable {
        let kind: String
        let name: String
        /// The head, from 1; nil for a metric that is not per head.
        var head: Int?
    }

    private(set) var series: [Key: ThinnedSeries] = [:]
    /// The number of records.
    public private(set) var count = 0
    /// The largest step.
    public private(set) var lastStep = 0

    /// Bounds memory for a file whose every line names new metrics; Foretoken writes about a dozen per head.
    private static let seriesLimit = 1024

    /// Creates an empty history.
    public init() {}

    /// Reads `metrics.jsonl`.
    ///
    /// - Throws: ``MetricsError``, file errors.
    public init(contentsOf url: URL) throws {
        try MetricsRecord.forEach(in: url) { add($0) }
    }

    /// Adds a record.
    public mutating func add(_ record: MetricsRecord) {
        count += 1
        lastStep = max(lastStep, record.step)
        for (name, value) in record.values {
            for scalar in value.scalars {
                let key = Key(kind: record.kind, name: name, head: scalar.head)
                guard series[key] != nil || series.count < Self.seriesLimit else { continue }
                series[key, default: ThinnedSeries()].add(ChartPoint(x: Double(record.step), y: scalar.value))
            }
        }
    }

    /// The largest head number of any metric; 0 if none is per head.
    var heads: Int { series.keys.compactMap(\.head).max() ?? 0 }

    /// The series of a metric in head order; a single one without a head for a metric that is not per head.
    func series(_ name: String, kind: String) -> [(head: Int?, series: ThinnedSeries)] {
        series.filter { $0.key.name == name && $0.key.kind == kind }
            .sorted { ($0.key.head ?? 0) < ($1.key.head ?? 0) }.map { ($0.key.head, $0.value) }
    }

    func last(_ name: String, kind: String, head: Int? = nil) -> Double? {
        series[Key(kind: kind, name: name, head: head)]?.last?.y
    }
}
