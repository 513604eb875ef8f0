public import Foundation

/// What a run writes down as it goes: `metrics.jsonl`, which decides, and what is made from it, a TensorBoard event file and
/// `report.html`. A failure of the latter two is said once and never ends training.
public final class RunJournal {
    /// Asked anew each time: a run's folder may be moved while it trains.
    private let folder: () -> URL
    private let log: MetricsLog
    private var events: EventFile?
    private var history = RunHistory()
    private var hasReportFailed = false

    /// Goes on from the records in the run's folder.
    ///
    /// - Throws: file errors of `metrics.jsonl`, ``MetricsError``.
    public init(folder location: @autoclosure @escaping () -> URL) throws {
        folder = location
        let folder = location()
        let metrics = RunRecord.metrics(in: folder)
        log = try MetricsLog(metrics)
        history = try RunHistory(contentsOf: metrics)
        do {
            events = try EventFile(folder: folder) { try MetricsRecord.forEach(in: metrics, $0) }
        } catch {
            warn("no TensorBoard events", error)
        }
    }

    /// Writes a record down.
    ///
    /// - Throws: file errors of `metrics.jsonl`.
    public func append(kind: String, step: Int, _ values: [(String, MetricsValue)]) throws {
        let record = MetricsRecord(kind: kind, step: step, values)
        try log.append(kind: kind, step: step, values)
        history.add(record)
        do {
            try events?.append(record)
        } catch {
            warn("TensorBoard events end here", error)
            events = nil
        }
    }

    /// Replaces `report.html` as a whole.
    public func writeReport() {
        do {
            let folder = folder()
            let run = RunRecord(folder: folder, history: history)
            try Data(ReportPage.html([run]).utf8).write(to: RunRecord.report(in: folder), options: .atomic)
            hasReportFailed = false
        } catch {
            if !hasReportFailed { warn("the report is not written", error) }
            hasReportFailed = true
        }
    }

    private func warn(_ what: String, _ error: any Error) {
        Terminal.log("\(folder().relativePath): \(what): \((error as NSError).localizedDescription)")
    }
}
