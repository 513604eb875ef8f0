import ForetokenFiles
import ForetokenReport
import ForetokenText

/// The token shards that `foretoken prepare` wrote.
struct PreparationOutput: CommandOutput {
    let report: PreparationReport
    let tokenizer: any Tokenizer

    var jsonLine: String {
        get throws {
            var reasons = JSONObject()
            for (reason, count) in report.skipped.sorted(by: { $0.key < $1.key }) { reasons[reason] = .integer(count) }
            let value: JSONValue = [
                "trainDocuments": .integer(report.trainDocuments), "trainBytes": .integer(report.trainBytes),
                "validationDocuments": .integer(report.validationDocuments),
                "validationBytes": .integer(report.validationBytes),
                "skipped": .integer(report.skipped.values.reduce(0, +)),
                "skippedByReason": .object(reasons), "tokenizer": .string(tokenizer.name),
                "vocabulary": .integer(tokenizer.vocabularySize), "trainTokens": .integer(report.trainTokens),
                "validationTokens": .integer(report.validationTokens),
            ]
            return try value.text()
        }
    }

    var terminalText: String {
        let ratio = Double(report.trainBytes) / Double(max(1, report.trainTokens))
        return """
            train       \(report.trainDocuments) documents, \(Formatting.bytes(Double(report.trainBytes)))
            validation  \(report.validationDocuments) documents, \(Formatting.bytes(Double(report.validationBytes)))
            tokenizer   \(tokenizer.name), \(Formatting.fixed(ratio, 2)) bytes per token
            \(report.skippedSentence)
            """
    }
}

/// Progress of a preparation on standard error, with the time left, if it takes more than a moment.
final class PreparationProgressLine {
    private let name: String
    private let begin = ContinuousClock.now
    private var last = ContinuousClock.now
    private var line: ProgressLine?

    init(_ name: String) { self.name = name }

    func show(_ progress: PreparationProgress) {
        if progress.bytesRead == progress.bytesResumed, progress.bytesResumed > 0, line == nil {
            Terminal.log("resuming after \(Formatting.bytes(Double(progress.bytesResumed)))")
        }
        let now = ContinuousClock.now
        guard now - last > .milliseconds(500), progress.bytesRead > progress.bytesResumed else { return }
        last = now
        let shown = line ?? ProgressLine(total: progress.bytesTotal)
        line = shown
        let rate = Double(progress.bytesRead - progress.bytesResumed) / ((now - begin) / .seconds(1))
        let secondsLeft = Double(progress.bytesTotal - progress.bytesRead) / rate
        let documents = progress.report.trainDocuments + progress.report.validationDocuments
        shown.show(
            progress.bytesRead,
            "\(name): \(Formatting.bytes(Double(progress.bytesRead))) of "
                + "\(Formatting.bytes(Double(progress.bytesTotal)))  \(Formatting.bytes(rate))/s  "
                + "\(Formatting.duration(secondsLeft)) left  \(documents) documents")
    }

    func finish() { line?.finish() }
}
