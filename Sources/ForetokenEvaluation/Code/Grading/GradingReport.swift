public import ForetokenFiles
public import ForetokenReport
public import Foundation

/// pass@k of graded completions, and its difference from another model's.
public struct GradingReport: Sendable {
    /// pass@k of these completions.
    public let summary: PassSummary
    /// pass@k less the other model's, paired by task, for each k that both have enough completions for.
    public let differences: [(k: Int, difference: PassSummary.Difference)]
    /// The grading run.
    public let outcome: GradingRun.Outcome
    /// Tasks of the benchmark's evaluated split.
    public let tasks: Int
    /// Those of them without a completion, which pass@k leaves out.
    public let missingTasks: Int
    /// Whether the completions were compared with another model's.
    public let isCompared: Bool

    /// Counts, estimates and compares.
    ///
    /// - Parameters:
    ///   - outcome: a grading run that was not stopped.
    ///   - problems: the benchmark.
    ///   - ks: the k of pass@k.
    ///   - other: the other model's summary.
    ///   - seed: decides the resampling of the intervals.
    public init(
        _ outcome: GradingRun.Outcome, of problems: ProblemFile, ks: [Int], against other: PassSummary? = nil,
        seed: UInt64 = 0
    ) {
        let summary = PassSummary(outcome.graded, ks: ks, seed: seed)
        (self.summary, self.outcome, isCompared) = (summary, outcome, other != nil)
        differences = summary.ks.compactMap { k in
            other.flatMap { summary.difference(from: $0, k: k) }.map { (k: k, difference: $0) }
        }
        tasks = problems.problems.count(where: \.isEvaluated)
        let graded = Set(outcome.graded.map(\.task)).union(outcome.ungradable.map(\.task))
        missingTasks = problems.problems.count { $0.isEvaluated && !graded.contains($0.id) }
    }

    /// The summary's keys, `pass@k difference` with its interval, `failingReferences`, and `ungradable` if there are any.
    public var json: JSONObject {
        var object = summary.json
        for (k, difference) in differences {
            let estimate = difference.estimate
            object["pass@\(k) difference"] = .finite(estimate.value)
            object["pass@\(k) difference interval"] = [.finite(estimate.low), .finite(estimate.high)]
        }
        object["failingReferences"] = .array(outcome.failingReferences.map { .string($0) })
        if !outcome.ungradable.isEmpty {
            object["ungradable"] = .array(
                outcome.ungradable.map { ["task_id": .string($0.task), "reason": .string($0.reason)] })
        }
        return object
    }

    /// The differences in percentage points, with 90 % intervals.
    public var differenceTable: TextTable {
        var table = TextTable(["difference", "tasks", "less the other [90 %]"])
        for (k, difference) in differences {
            table.add(["pass@\(k)", "\(difference.tasks)", PassSummary.text(difference.estimate)])
        }
        return table
    }

    /// Draws pass@k over k of this and other models into an SVG file.
    ///
    /// - Throws: ``EvaluationError/system(file:reason:)``.
    public static func draw(_ models: [(name: String, summary: PassSummary)], to file: URL) throws {
        do {
            try Data(PassSummary.chart(models).file.utf8).write(to: file, options: .atomic)
        } catch {
            throw EvaluationError.system(file: file.relativePath, reason: error.systemReason)
        }
    }
}
