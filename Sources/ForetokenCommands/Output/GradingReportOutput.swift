import ForetokenEvaluation
import ForetokenFiles
import ForetokenReport

/// pass@k, and the warnings that come with it.
struct GradingReportOutput: CommandOutput {
    let report: GradingReport

    /// The failing reference solutions that are named; the others are counted.
    private static let namedReferences = 5

    var jsonLine: String { get throws { try JSONValue.object(report.json).text() } }

    var terminalText: String {
        report.summary.table.terminalText + (report.isCompared ? "\n" + report.differenceTable.terminalText : "")
    }

    /// Lines for standard error.
    var notes: [String] {
        let failing = report.outcome.failingReferences
        var notes: [String] = []
        if report.outcome.repeated > 0 {
            notes.append(
                "\(report.outcome.repeated) programs that timed out or failed to run were graded once more, one at a time"
            )
        }
        notes += failing.prefix(Self.namedReferences).map { "warning: the reference solution fails: \($0)" }
        if failing.count > Self.namedReferences {
            notes.append(
                "warning: the reference solutions of \(failing.count - Self.namedReferences) other tasks fail, too")
        }
        if let first = report.outcome.ungradable.first {
            notes.append(
                "warning: \(report.outcome.ungradable.count) tasks or completions could not be graded and are left out, "
                    + "the first of '\(first.task)': \(first.reason)")
        }
        if report.missingTasks > 0 {
            notes.append(
                "warning: \(report.missingTasks) of \(report.tasks) tasks have no completion and are left out")
        }
        return notes
    }
}
