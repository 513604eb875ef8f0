import ForetokenFiles
import ForetokenReport
import ForetokenTraining
import Foundation

/// The results of a study: one row per variant, over its seeds.
public struct StudySummary: Sendable {
    /// A variant.
    struct Row: Sendable {
        let name: String
        let runs: [StudyRun]
        /// The values of each run by metric, in the runs' order; empty for a run that is not done.
        let values: [[String: Double]]

        /// The statistics of a metric over the seeds that have it.
        func statistics(_ metric: StudyMetric) -> Statistics? { Statistics(numbers(metric)) }
        func numbers(_ metric: StudyMetric) -> [Double] { values.compactMap { $0[metric.name] } }

        /// The difference from another variant, paired by seed; nil if no seed has both.
        func difference(from other: Row, _ metric: StudyMetric) -> Statistics? {
            let pairs = runs.indices.compactMap { index -> Double? in
                guard let own = values[index][metric.name],
                    let match = other.runs.firstIndex(where: { $0.seed == runs[index].seed }),
                    let theirs = other.values[match][metric.name]
                else { return nil }
                return own - theirs
            }
            return Statistics(pairs)
        }
    }

    let plan: StudyPlan
    let rows: [Row]
    let failures: [String: String]
    /// The number of runs that are trained and measured.
    public let done: Int
    /// The columns for which some run has a value.
    let columns: [StudyMetric]

    init(_ plan: StudyPlan, results: [String: StudyResult], failures: [String: String] = [:]) {
        self.plan = plan
        self.failures = failures
        let measurements = plan.study.measurements
        let rows = plan.rows.map { name in
            let runs = plan.runs.filter { $0.row == name }
            return Row(name: name, runs: runs, values: runs.map { results[$0.name]?.values(measurements) ?? [:] })
        }
        self.rows = rows
        done = plan.runs.count { run in
            guard let result = results[run.name], result.training != nil else { return false }
            return measurements.allSatisfy { result.answers[$0.name] != nil }
        }
        columns = plan.columns.filter { column in rows.contains { $0.statistics(column) != nil } }
    }

    /// The variant that differences are relative to: the study's `reference`, or the first.
    var reference: Row? {
        guard let arm = plan.study.reference else { return rows.first }
        return rows.first { $0.runs.first?.arm == arm }
    }

    /// Notes below the table: missing and failed runs, and the meaning of Δ.
    var notes: [String] {
        var notes: [String] = []
        let total = plan.runs.count
        if done < total { notes.append("\(done) of \(total) runs are done.") }
        if let reference, rows.count > 1 {
            let hasReplicates = rows.contains { $0.runs.count > 1 }
            notes.append(
                "Δ: difference from '\(reference.name)'"
                    + (hasReplicates ? ", paired by seed, ± standard error over seeds" : "")
                    + "; of percentages in percentage points.")
        }
        if !failures.isEmpty { notes.append("Failed: \(failures.keys.sorted().joined(separator: ", ")).") }
        return notes
    }

    /// Writes `table.md`, `study.svg` and `study.json`.
    func write(to folder: StudyFolder) throws {
        try RunFolder.write(markdown, to: folder.table)
        if let chart { try RunFolder.write(chart.file, to: folder.chart) }
        try JSONValue.object(json).write(to: folder.summary)
    }
}
