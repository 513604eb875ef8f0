import ForetokenEvaluation
import ForetokenFiles
import ForetokenReport
import ForetokenText

/// A model's accuracy on a synthetic task.
struct TaskSummaryOutput: CommandOutput {
    let summary: TaskSummary

    var jsonLine: String { get throws { try JSONValue.object(summary.json).text() } }
    var terminalText: String { summary.table.terminalText }
}

/// The data of a synthetic task that was written.
struct TaskDataOutput: CommandOutput {
    let task: String
    let report: TaskData.Report
    let tokenizer: any Tokenizer

    var jsonLine: String {
        get throws {
            let value: JSONValue = [
                "task": .string(task), "documents": .integer(report.documents), "tokens": .integer(report.tokens),
                "questions": .integer(report.questions), "vocabulary": .integer(tokenizer.vocabularySize),
            ]
            return try value.text()
        }
    }

    var terminalText: String {
        """
        train      \(report.documents) documents, \(report.tokens) tokens of '\(tokenizer.name)'
        questions  \(report.questions), in \(TaskQuestion.fileName)
        """
    }
}
