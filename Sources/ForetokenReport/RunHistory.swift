public import Foundation

/// The numbers of a run over its steps, in memory that does not grow with the run's length.
public struct RunHistory: Sendable {
    /// Which series.
    struct Key: Hashable, Sendable {
        let kind: String
        let name: String
        /// From 1; nil where there is one number for all heads.
        var head: Int?
    }

    private(set) var series: [Key: ThinnedSeries] = [:]
    /// Records seen.
    public private(set) var count = 0
    /// The largest step seen.
    public private(set) var lastStep = 0

    /// A file that names new metrics in every line must not fill the memory; ours has about a dozen for each head.
    private static let seriesLimit = 1024

    /// Nothing yet.
    public init() {}

    /// Reads `metrics.jsonl`.
    ///
    /// - Throws: ``MetricsError``, file errors.
    public init(contentsOf url: URL) throws {
        try MetricsRecord.forEach(in: url) { add($0) }
    }

    /// Takes a record in.
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

    /// Heads that some metric has numbers for.
    var heads: Int { series.keys.compactMap(\.head).max() ?? 0 }

    /// The series of a metric by head; one with no head for a metric that has none.
    func series(_ name: String, kind: String) -> [(head: Int?, series: ThinnedSeries)] {
        series.filter { $0.key.name == name && $0.key.kind == kind }
            .sorted { ($0.key.head ?? 0) < ($1.key.head ?? 0) }.map { ($0.key.head, $0.value) }
    }

    func last(_ name: String, kind: String, head: Int? = nil) -> Double? {
        series[Key(kind: kind, name: name, head: head)]?.last?.y
    }
}
