public import ForetokenFiles
public import ForetokenReport

/// pass@k of graded completions, by temperature and at the best temperature for each k.
public struct PassSummary: Sendable {
    /// The completions of one temperature.
    public struct Row: Sendable {
        /// The temperature; nil if the results do not state it.
        public var temperature: Double?
        /// The number of completions and of passing ones by task.
        public var counts: [String: (completions: Int, passed: Int)] = [:]
        /// pass@k with its interval; no entry if a task has fewer than k completions.
        public fileprivate(set) var estimates: [Int: PassAtK.Estimate] = [:]

        /// pass@k by task; nil if a task has fewer than k completions.
        func values(k: Int) -> [String: Double]? {
            var values: [String: Double] = [:]
            for (task, count) in counts {
                guard let value = PassAtK.estimate(completions: count.completions, passed: count.passed, k: k) else {
                    return nil
                }
                values[task] = value
            }
            return values
        }
    }

    /// The difference between two models, paired by task over their common tasks.
    public struct Difference: Sendable {
        /// This summary's pass@k minus the other's.
        public var estimate: PassAtK.Estimate
        /// The number of common tasks.
        public var tasks: Int
    }

    /// The values of k, ascending.
    public let ks: [Int]
    /// One row per temperature, ascending.
    public let rows: [Row]
    private let seed: UInt64

    /// Computes the summary; `seed` is that of the bootstrap.
    public init(_ graded: [GradedCompletion], ks: [Int], seed: UInt64 = 0) {
        var rows: [Double?: Row] = [:]
        for completion in graded {
            var row = rows[completion.temperature] ?? Row(temperature: completion.temperature)
            var count = row.counts[completion.task] ?? (0, 0)
            count.completions += 1
            count.passed += completion.verdict.outcome == .passed ? 1 : 0
            row.counts[completion.task] = count
            rows[completion.temperature] = row
        }
        self.ks = Array(Set(ks)).sorted()
        self.seed = seed
        self.rows = rows.values.sorted { $0.temperature ?? -1 < $1.temperature ?? -1 }.map { row in
            var row = row
            for k in ks {
                guard let values = row.values(k: k) else { continue }
                row.estimates[k] = PassAtK.bootstrap(values.sorted { $0.key < $1.key }.map(\.value), seed: seed)
            }
            return row
        }
    }

    /// The row of the temperature with the highest pass@k, chosen in hindsight as in Table 1 of the multi-token prediction paper.
    public func best(k: Int) -> Row? {
        rows.filter { $0.estimates[k] != nil }.max { $0.estimates[k]?.value ?? 0 < $1.estimates[k]?.value ?? 0 }
    }

    /// The difference from another summary, each at its best temperature; nil if either has too few completions or they have no
    /// task in common.
    public func difference(from other: PassSummary, k: Int) -> Difference? {
        guard let mine = best(k: k)?.values(k: k), let theirs = other.best(k: k)?.values(k: k) else { return nil }
        let values = mine.sorted { $0.key < $1.key }.compactMap { task, value in theirs[task].map { value - $0 } }
        return PassAtK.bootstrap(values, seed: seed).map { Difference(estimate: $0, tasks: values.count) }
    }

    /// One row per temperature and, with several, a row with the best for each k; in percent, with 90 % intervals.
    public var table: TextTable {
        var table = TextTable(
            ["temperature", "tasks", "completions", "passed"] + ks.map { "pass@\($0), % [90 % CI]" })
        for row in rows {
            table.add(
                [
                    row.temperature.map { "\($0)" } ?? "unknown", "\(row.counts.count)",
                    "\(row.counts.values.reduce(0) { $0 + $1.completions })",
                    "\(row.counts.values.reduce(0) { $0 + $1.passed })",
                ] + ks.map { Self.text(row.estimates[$0]) })
        }
        if rows.count > 1 {
            table.add(["best per k", "", "", ""] + ks.map { k in Self.text(best(k: k)?.estimates[k]) })
        }
        return table
    }

    /// An estimate in percent with its interval.
    public static func text(_ estimate: PassAtK.Estimate?) -> String {
        guard let estimate else { return "too few completions" }
        return [estimate.value, estimate.low, estimate.high].map { Formatting.fixed($0 * 100, 1) }.enumerated()
            .map { ["", " [", ", "][$0.offset] + $0.element }.joined() + "]"
    }

    /// `pass@k` and `pass@k interval` at the best temperature, and for each temperature.
    public var json: JSONObject {
        var object = JSONObject()
        for k in ks {
            guard let row = best(k: k), let estimate = row.estimates[k] else { continue }
            Self.add(estimate, k: k, to: &object)
            if rows.count > 1, let temperature = row.temperature {
                object["pass@\(k) temperature"] = .finite(temperature)
            }
        }
        object["temperatures"] = .array(
            rows.map { row in
                var own = JSONObject()
                own["temperature"] = row.temperature.map(JSONValue.finite) ?? .null
                own["tasks"] = .integer(row.counts.count)
                own["samples"] = .integer(row.counts.values.reduce(0) { $0 + $1.completions })
                own["passed"] = .integer(row.counts.values.reduce(0) { $0 + $1.passed })
                for k in ks {
                    if let estimate = row.estimates[k] { Self.add(estimate, k: k, to: &own) }
                }
                return .object(own)
            })
        return object
    }

    private static func add(_ estimate: PassAtK.Estimate, k: Int, to object: inout JSONObject) {
        object["pass@\(k)"] = .finite(estimate.value)
        object["pass@\(k) interval"] = [.finite(estimate.low), .finite(estimate.high)]
    }
}
