import ForetokenReport
import ForetokenStudies

/// Progress of a study on standard error: a line for every run that ends, and on a terminal the runs being worked on.
final class StudyProgressLine {
    private let line: ProgressLine

    init(runs: Int) { line = ProgressLine(total: runs) }

    func show(_ event: StudyEvent) {
        switch event {
        case .waiting(let folder):
            log("\(folder): waiting until the runs of an earlier process have saved their state")
        case .resuming(let done, let total): log("\(done) of \(total) runs are done already")
        case .working(let runs, let done, let total):
            guard Terminal.isInteractive else { return }
            let parts = runs.map { run in "\(run.name) \(run.stage)" + (run.step.map { " step \($0)" } ?? "") }
            line.show(done, "\(done)/\(total) done; " + parts.joined(separator: ", "))
        case .finished(let run, let done, let total):
            let left = run.secondsLeft.map { ", about \(Formatting.duration($0)) left" } ?? ""
            log("[\(done)/\(total)] \(run.name): \(run.values.joined(separator: ", "))\(left)")
        case .failed(let run, let reason): log("\(run) failed: \(reason)")
        }
    }

    func finish() { line.finish() }

    private func log(_ text: String) {
        line.finish()
        Terminal.log(text)
    }
}
