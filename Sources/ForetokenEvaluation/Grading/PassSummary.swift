public import ForetokenFiles
public import ForetokenReport

/// pass@k of graded samples, by temperature and with the best temperature of each k.
public struct PassSummary: Sendable {
    /// The samples of one temperature.
    public struct Row: Sendable {
        /// The temperature; nil where the samples do not say.
        public var temperature: Double?
        /// Samples and passes by task.
        public var counts: [String: (samples: Int, passed: Int)] = [:]
        /// pass@k and its interval; no entry where a task has fewer than k samples.
        public fileprivate(set) var estimates: [Int: PassAtK.Estimate] = [:]

        /// pass@k of each task, in the tasks' order.
        func values(k: Int) -> [String: Double]? {
            var values: [String: Double] = [:]
            for (task, count) in counts {
                guard let value = PassAtK.estimate(samples: count.samples, passed: count.passed, k: k) else {
                    return nil
                }
                values[task] = value
            }
            return values
        }
    }

    /// A difference between two models over the tasks that both have, paired by task.
    public struct Difference: Sendable {
        /// This one's pass@k less the other's.
        public var estimate: PassAtK.Estimate
        /// Tasks compared.
        public var tasks: Int
    }

    /// The k asked for, in order.
    public let ks: [Int]
    /// The temperatures in order.
    public let rows: [Row]
    private let seed: UInt64

    /// Counts and estimates; `seed` decides the resampling.
    public init(_ graded: [GradedSample], ks: [Int], seed: UInt64 = 0) {
        var rows: [Double?: Row] = [:]
        for sample in graded {
            var row = rows[sample.temperature] ?? Row(temperature: sample.temperature)
            var count = row.counts[sample.task] ?? (0, 0)
            count.samples += 1
            count.passed += sample.verdict.outcome == .passed ? 1 : 0
            row.counts[sample.task] = count
            rows[sample.temperature] = row
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

    /// The temperature whose pass@k is highest, chosen after the fact as in the paper's Table 1.
    public func best(k: Int) -> Row? {
        rows.filter { $0.estimates[k] != nil }.max { $0.estimates[k]?.value ?? 0 < $1.estimates[k]?.value ?? 0 }
    }

    /// This less another, each at its best temperature; nil where either has too few samples or no task is in both.
    public func difference(from other: PassSummary, k: Int) -> Difference? {
        guard let mine = best(k: k)?.values(k: k), let theirs = other.best(k: k)?.values(k: k) else { return nil }
        let values = mine.sorted { $0.key < $1.key }.compactMap { task, value in theirs[task].map { value - $0 } }
        return PassAtK.bootstrap(values, seed: seed).map { Difference(estimate: $0, tasks: values.count) }
    }

    /// A table of all temperatures, and of the best where there are several; in percent, with 90 % intervals.
    public var table: TextTable {
        var table = TextTable(["temperature", "tasks", "samples", "passed"] + ks.map { "pass@\($0) [90 %]" })
        for row in rows {
            table.add(
                [
                    row.temperature.map { "\($0)" } ?? "not given", "\(row.counts.count)",
                    "\(row.counts.values.reduce(0) { $0 + $1.samples })",
                    "\(row.counts.values.reduce(0) { $0 + $1.passed })",
                ] + ks.map { Self.text(row.estimates[$0]) })
        }
        if rows.count > 1 {
            table.add(["best of each", "", "", ""] + ks.map { k in Self.text(best(k: k)?.estimates[k]) })
        }
        return table
    }

    /// An estimate in percent with its interval.
    public static func text(_ estimate: PassAtK.Estimate?) -> String {
        guard let estimate else { return "too few samples" }
        return [estimate.value, estimate.low, estimate.high].map { Formatting.fixed($0 * 100, 1) }.enumerated()
            .map { ["", " [", ", "][$0.offset] + $0.element }.joined() + "]"
    }

    /// `pass@k` and `pass@k interval` at the best temperature, and the same of each temperature.
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
                own["samples"] = .integer(row.counts.values.reduce(0) { $0 + $1.samples })
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
