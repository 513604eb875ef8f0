import ForetokenReport
import ForetokenTraining
import Foundation

/// What a study says while it works: a line for every run that is done, and on a terminal what is in hand.
final class StudyProgress {
    private let plan: StudyPlan
    private let line: ProgressLine
    private var done: Set<String>
    private let begin = ContinuousClock.now
    /// Work done since then, in FLOPs where all runs have them, else in runs.
    private var workDone = 0.0
    private var shown = ContinuousClock.now

    init(_ plan: StudyPlan, done: [String]) {
        self.plan = plan
        self.done = Set(done)
        line = ProgressLine(total: plan.runs.count)
        if !done.isEmpty { Terminal.log("\(done.count) of \(plan.runs.count) runs are done already") }
    }

    private var isMeasuredInWork: Bool { plan.runs.allSatisfy { $0.work != nil } }
    private func work(_ run: StudyRun) -> Double { isMeasuredInWork ? run.work ?? 1 : 1 }

    func log(_ text: String) {
        line.finish()
        Terminal.log(text)
    }

    func done(_ run: StudyRun, _ values: [String: Double], _ columns: [StudyMetric]) {
        workDone += work(run)
        done.insert(run.name)
        let found = columns.filter { $0.isQuality && $0.head == nil }.compactMap { metric in
            values[metric.name].map { "\(metric.title) \(metric.text($0))" }
        }
        let left = plan.runs.filter { !done.contains($0.name) }.reduce(0) { $0 + work($1) }
        let seconds = (ContinuousClock.now - begin).seconds * left / max(workDone, .leastNormalMagnitude)
        let rest = left > 0 ? ", about \(Formatting.duration(seconds)) left" : ""
        log("[\(done.count)/\(plan.runs.count)] \(run.name): \(found.joined(separator: ", "))\(rest)")
    }

    /// What is in hand: name, stage and run folder.
    func show(_ work: [(name: String, stage: String, folder: String)]) {
        guard Terminal.isInteractive, (ContinuousClock.now - shown).seconds >= 0.5 else { return }
        shown = .now
        let parts = work.map { name, stage, folder in
            let step = stage == "train" ? Self.step(in: folder).map { " step \($0)" } ?? "" : ""
            return "\(name) \(stage)\(step)"
        }
        line.show(done.count, "\(done.count)/\(plan.runs.count) done; " + parts.joined(separator: ", "))
    }

    func finish() { line.finish() }

    /// The last step in a run's metrics.
    private static func step(in folder: String) -> Int? {
        let url = RunRecord.metrics(in: URL(fileURLWithPath: folder))
        guard let file = try? FileHandle(forReadingFrom: url), let end = try? file.seekToEnd() else { return nil }
        defer { try? file.close() }
        try? file.seek(toOffset: end - min(end, 1 << 14))
        guard let text = try? file.readToEnd() else { return nil }
        return text.split(separator: UInt8(ascii: "\n")).reversed().lazy.compactMap {
            MetricsRecord(line: Data($0))?.step
        }
        .first
    }
}
