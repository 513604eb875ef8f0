import ForetokenReport
import ForetokenTraining

/// Counts the finished runs of a study, estimates the time left, and reports both as events.
final class StudyProgress {
    private let plan: StudyPlan
    private let onEvent: (StudyEvent) -> Void
    private var done: Set<String>
    private let begin = ContinuousClock.now
    /// Training FLOPs finished since `begin`, or runs where some run's FLOPs are not known.
    private var workDone = 0.0
    private var reported = ContinuousClock.now

    init(_ plan: StudyPlan, done: [String], onEvent: @escaping (StudyEvent) -> Void) {
        (self.plan, self.onEvent) = (plan, onEvent)
        self.done = Set(done)
        if !done.isEmpty { onEvent(.resuming(done: done.count, total: plan.runs.count)) }
    }

    private var isMeasuredInWork: Bool { plan.runs.allSatisfy { $0.work != nil } }
    private func work(_ run: StudyRun) -> Double { isMeasuredInWork ? run.work ?? 1 : 1 }

    func failed(_ run: StudyRun, reason: String) { onEvent(.failed(run: run.name, reason: reason)) }

    func finished(_ run: StudyRun, _ values: [String: Double], _ columns: [StudyMetric]) {
        workDone += work(run)
        done.insert(run.name)
        let found = columns.filter { $0.isQuality && $0.head == nil }.compactMap { metric in
            values[metric.name].map { "\(metric.title) \(metric.text($0))" }
        }
        let workLeft = plan.runs.filter { !done.contains($0.name) }.reduce(0) { $0 + work($1) }
        let seconds = (ContinuousClock.now - begin).seconds * workLeft / max(workDone, .leastNormalMagnitude)
        let finished = StudyEvent.FinishedRun(name: run.name, values: found, secondsLeft: workLeft > 0 ? seconds : nil)
        onEvent(.finished(finished, done: done.count, total: plan.runs.count))
    }

    func working(_ runs: [StudyEvent.ActiveRun]) {
        guard (ContinuousClock.now - reported).seconds >= 0.5 else { return }
        reported = .now
        onEvent(.working(runs, done: done.count, total: plan.runs.count))
    }
}
