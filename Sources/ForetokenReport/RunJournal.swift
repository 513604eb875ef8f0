public import Foundation

/// A run's metrics output: `metrics.jsonl`, the authoritative record, and the TensorBoard event file and `report.html` derived
/// from it. A failure to write the derived files is logged once and never stops training.
public final class RunJournal {
    /// Evaluated at each use, since the folder may be moved during training.
    private let folder: () -> URL
    private let log: MetricsLog
    private var events: EventFile?
    private var history = RunHistory()
    private var hasReportFailed = false
    private let report: (String) -> Void

    /// Opens the journal and continues after the records already in the run's folder.
    ///
    /// - Throws: file errors of `metrics.jsonl`, ``MetricsError``.
    public init(
        folder location: @autoclosure @escaping () -> URL, warn report: @escaping (String) -> Void = { _ in }
    ) throws {
        folder = location
        self.report = report
        let folder = location()
        let metrics = RunRecord.metrics(in: folder)
        log = try MetricsLog(metrics)
        history = try RunHistory(contentsOf: metrics)
        do {
            events = try EventFile(folder: folder) { try MetricsRecord.forEach(in: metrics, $0) }
        } catch {
            warn("cannot write TensorBoard events", error)
        }
    }

    /// Appends a record.
    ///
    /// - Throws: file errors of `metrics.jsonl`.
    public func append(kind: String, step: Int, _ values: [(String, MetricsValue)]) throws {
        let record = MetricsRecord(kind: kind, step: step, values)
        try log.append(kind: kind, step: step, values)
        history.add(record)
        do {
            try events?.append(record)
        } catch {
            warn("no further TensorBoard events are written", error)
            events = nil
        }
    }

    /// Replaces `report.html` atomically.
    public func writeReport() {
        do {
            let folder = folder()
            let run = RunRecord(folder: folder, history: history)
            try Data(ReportPage.html([run]).utf8).write(to: RunRecord.report(in: folder), options: .atomic)
            hasReportFailed = false
        } catch {
            if !hasReportFailed { warn("cannot write the report", error) }
            hasReportFailed = true
        }
    }

    private func warn(_ what: String, _ error: any Error) {
        report("\(folder().relativePath): \(what): \((error as NSError).localizedDescription)")
    }
}
