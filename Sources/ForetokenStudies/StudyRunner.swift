import ForetokenFiles
import ForetokenModel
import ForetokenReport
import ForetokenTraining
import Foundation

/// Executes a study's runs: each is trained and measured by child processes of this program, several in parallel.
///
/// Results are written atomically after each stage and trainings resume from their checkpoints, so a study that is stopped or
/// killed at any time loses at most the current measurement and the steps since the last checkpoint.
public final class StudyRunner {
    /// The result of ``run(limit:)``.
    public enum Outcome: Sendable, Equatable {
        /// All runs are done.
        case finished
        /// The study was signalled; trainings are checkpointed.
        case interrupted
        /// The time limit was reached; trainings are checkpointed.
        case outOfTime
    }

    /// A stage of a run.
    private enum Stage {
        case training
        case measurement(StudyMeasurement)

        var name: String {
            switch self {
            case .training: "train"
            case .measurement(let one): "evaluate \(one.name)"
            }
        }
    }

    /// A stage of a run in progress.
    private struct Work {
        let run: StudyRun
        var stage: Stage
        var process: StudyProcess
        let begin: ContinuousClock.Instant
    }

    /// The plan.
    public let plan: StudyPlan
    private let folder: StudyFolder
    private let jobs: Int
    private let threads: Int?
    private let onEvent: (StudyEvent) -> Void
    private var results: [String: StudyResult] = [:]
    private var failures: [String: String] = [:]
    private var inProgress: [Work] = []
    /// A pipe to which nothing is written: end of file on it tells the children that this process has exited.
    private let lifeline: (reading: Int32, writing: Int32)

    /// Opens the plan's folder. Fails if it contains runs that the plan defines differently.
    ///
    /// - Parameters:
    ///   - plan: the plan.
    ///   - jobs: the number of runs in parallel.
    ///   - threads: CPU threads per run; an equal share of the cores if nil.
    ///   - onEvent: called with the progress of the study.
    /// - Throws: ``StudyError``, `RecipeError`.
    public init(
        _ plan: StudyPlan, jobs: Int = 1, threads: Int? = nil, onEvent: @escaping (StudyEvent) -> Void = { _ in }
    ) throws {
        self.plan = plan
        self.jobs = jobs
        self.onEvent = onEvent
        let cores = ProcessInfo.processInfo.activeProcessorCount
        let isSet = ProcessInfo.processInfo.environment["OMP_NUM_THREADS"] != nil
        self.threads = threads ?? (jobs > 1 && !isSet ? max(1, cores / jobs) : nil)
        folder = try StudyFolder(plan.folder) { onEvent(.waiting(folder: plan.folder)) }
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else {
            throw StudyError.system(path: plan.folder, action: "open a pipe", reason: String(cString: strerror(errno)))
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        lifeline = (ends[0], ends[1])
        for run in plan.runs where run.configuration == nil {
            let from = run.recipe.start.from ?? ""
            throw StudyError.run(
                file: plan.study.file, name: run.name,
                reason: "start.from: \(from): neither a run with a checkpoint nor a model folder")
        }
        for run in plan.runs {
            let result = try StudyResult(contentsOf: folder.result(run.name), name: run.name)
            // A run without a checkpoint has nothing to lose and starts again, even if its recipe has changed.
            let hasProgress = result?.training != nil || hasCheckpoint(run.name)
            results[run.name] = hasProgress || result?.digest == run.digest ? result : nil
        }
        try requireUnchanged()
        try requireFiles()
    }

    deinit {
        close(lifeline.reading)
        close(lifeline.writing)
    }

    /// Fails before the first run if an input file of any run is missing.
    private func requireFiles() throws {
        for run in plan.runs where !isDone(run) {
            let data = run.recipe.data
            let trained =
                results[run.name]?.training == nil
                ? data.mixture.map(\.path) + [data.validation].compactMap(\.self) : []
            let measured = plan.study.measurements.flatMap { $0.files(validation: data.validation) }
            for path in trained + measured where !FileManager.default.fileExists(atPath: path) {
                throw StudyError.run(
                    file: plan.study.file, name: run.name,
                    reason: "\(path): no such file; data paths are relative to the current folder")
            }
        }
    }

    /// Whether a run in the folder equals the plan's. Digests can differ although the recipes mean the same: another release may
    /// write additional keys with their default values.
    private func isSame(_ run: StudyRun) -> Bool {
        guard let result = results[run.name] else { return false }
        if result.digest == run.digest { return true }
        guard let stored = try? Recipe(contentsOf: folder.recipe(run.name)),
            run.recipe.differingKeys(from: stored).isEmpty
        else { return false }
        guard let parent = run.parent else { return true }
        return plan.runs.first { $0.name == parent }.map(isSame) ?? false
    }

    /// Fails with the names of runs in the folder that differ from the plan.
    private func requireUnchanged() throws {
        for run in plan.runs.filter(isSame) { results[run.name]?.digest = run.digest }
        let changed = plan.runs.compactMap { run -> (name: String, what: String)? in
            guard let result = results[run.name], result.digest != run.digest else { return nil }
            let keys =
                (try? Recipe(contentsOf: folder.recipe(run.name))).map { run.recipe.differingKeys(from: $0) } ?? []
            if let parent = run.parent, keys.isEmpty || keys == ["start.from"] {
                return (run.name, "starts from \(parent)")
            }
            return (run.name, keys.isEmpty ? "its recipe" : keys.joined(separator: ", "))
        }
        guard changed.isEmpty else { throw StudyError.changed(folder: folder.path, runs: changed) }
    }

    /// A summary of the results so far.
    public var summary: StudySummary { StudySummary(plan, results: results, failures: failures) }

    /// Executes the runs that are not done yet.
    ///
    /// `limit`: a time limit, after which trainings are checkpointed and no stage is started.
    /// - Throws: ``StudyError/failed(_:of:)`` after all other runs are done, if runs have failed; file errors.
    public func run(limit: Duration? = nil) throws -> Outcome {
        let begin = ContinuousClock.now
        var outcome = Outcome.finished
        let progress = StudyProgress(plan, done: plan.runs.filter(isDone).map(\.name), onEvent: onEvent)
        try summary.write(to: folder)
        while true {
            for index in inProgress.indices.reversed() where inProgress[index].process.hasEnded() {
                let work = inProgress.remove(at: index)
                try conclude(work, stopping: outcome != .finished, progress)
            }
            if outcome == .finished {
                let isLate = limit.map { ContinuousClock.now - begin >= $0 } ?? false
                if InterruptFlag.isRaised { outcome = .interrupted } else if isLate, !isAllDone { outcome = .outOfTime }
                if outcome != .finished { for work in inProgress { work.process.stop() } }
            }
            if outcome == .finished {
                while inProgress.count < jobs, let run = plan.runs.first(where: isReady) { try start(run, progress) }
            } else if outcome == .outOfTime, InterruptFlag.isRaised {
                outcome = .interrupted
            }
            if inProgress.isEmpty { break }
            progress.working(inProgress.map(active))
            usleep(20_000)
        }
        try summary.write(to: folder)
        guard failures.isEmpty || outcome != .finished else {
            let named = plan.runs.compactMap { run in failures[run.name].map { (name: run.name, reason: $0) } }
            throw StudyError.failed(named, of: plan.runs.count)
        }
        return outcome
    }

    private var isAllDone: Bool { plan.runs.allSatisfy { isDone($0) || failures[$0.name] != nil } }

    /// The next stage of a run; nil if it is done.
    private func nextStage(_ run: StudyRun) -> Stage? {
        guard let result = results[run.name], result.training != nil else { return .training }
        return plan.study.measurements.first { one in
            result.answers[one.name]?.digest != definition(one, run)
        }.map(Stage.measurement)
    }

    private func isDone(_ run: StudyRun) -> Bool { nextStage(run) == nil }

    private func isReady(_ run: StudyRun) -> Bool {
        guard failures[run.name] == nil, !inProgress.contains(where: { $0.run.name == run.name }), !isDone(run) else {
            return false
        }
        guard let parent = run.parent else { return true }
        if failures[parent] != nil, results[parent]?.training == nil {
            failures[run.name] = "starts from \(parent), which failed"
            return false
        }
        return results[parent]?.training != nil && !inProgress.contains { $0.run.name == parent && isTraining($0) }
    }

    private func isTraining(_ work: Work) -> Bool { if case .training = work.stage { true } else { false } }

    private func active(_ work: Work) -> StudyEvent.ActiveRun {
        StudyEvent.ActiveRun(
            name: work.run.name, stage: work.stage.name, folder: URL(fileURLWithPath: folder.run(work.run.name)),
            isTraining: isTraining(work))
    }

    private func start(_ run: StudyRun, _ progress: StudyProgress) throws {
        guard let stage = nextStage(run) else { return }
        // A training with a checkpoint resumes with its stored recipe, which may spell the parent's folder differently.
        if results[run.name]?.training == nil, !hasCheckpoint(run.name) {
            discardRunWithoutCheckpoint(run)
            try RunFolder.write(run.recipe.yaml, to: folder.recipe(run.name))
        }
        if results[run.name] == nil {
            // The model is trained again, so files of earlier measurements do not apply to it.
            try? FileManager.default.removeItem(at: folder.details(run.name))
            let result = StudyResult(name: run.name, digest: run.digest)
            try result.write(to: folder.result(run.name))
            results[run.name] = result
        }
        inProgress.append(Work(run: run, stage: stage, process: try process(stage, of: run), begin: .now))
    }

    private func hasCheckpoint(_ name: String) -> Bool {
        let isKnown = FileManager.default.fileExists(atPath: folder.recipe(name).path)
        return isKnown && RunCheckpoints.latest(in: URL(fileURLWithPath: folder.run(name))) != nil
    }

    /// Deletes the files that a run of this study, started with another recipe, has written before its first checkpoint. Other
    /// files are kept, and `train` reports them.
    private func discardRunWithoutCheckpoint(_ run: StudyRun) {
        let old = URL(fileURLWithPath: folder.run(run.name))
        guard RunCheckpoints.latest(in: old) == nil, var planned = try? Recipe(contentsOf: folder.recipe(run.name)),
            let stored = try? Recipe(contentsOf: old.appendingPathComponent("recipe.yaml")),
            !run.recipe.differingKeys(from: stored).isEmpty
        else { return }
        // A run bounded by time writes its measured step count into the stored recipe.
        if planned.training.steps == nil { planned.training.steps = stored.training.steps }
        // Only if this study started the run, and no process is training in the folder.
        guard planned.differingKeys(from: stored).isEmpty, let locked = try? RunFolder(old) else { return }
        withExtendedLifetime(locked) {
            for name in ["metrics.jsonl", "report.html", "recipe.yaml"] {
                try? FileManager.default.removeItem(at: old.appendingPathComponent(name))
            }
        }
    }

    private func process(_ stage: Stage, of run: StudyRun) throws -> StudyProcess {
        let arguments: [String]
        switch stage {
        case .training:
            arguments = ["train", folder.recipe(run.name).path, "--out", folder.run(run.name), "--json"]
        case .measurement(let one):
            try? FileManager.default.createDirectory(
                at: folder.details(run.name), withIntermediateDirectories: true)
            arguments = command(one, run)
        }
        return try StudyProcess(
            arguments, log: folder.log(run.name), threads: threads, lifeline: lifeline.reading,
            lock: folder.lock.descriptor)
    }

    private func command(_ one: StudyMeasurement, _ run: StudyRun) -> [String] {
        let files = folder.details(run.name).appendingPathComponent("\(one.name)-\(definition(one, run).prefix(8))")
        let arguments = one.arguments(
            model: folder.run(run.name), validation: run.recipe.data.validation, seed: run.seed ?? run.recipe.seed,
            files: files.relativePath)
        // Programs are graded in parallel, one per core of this run's share.
        guard case .code = one.kind, let threads else { return arguments }
        return arguments + ["--workers", "\(min(256, threads))"]
    }

    /// The digest of a measurement's arguments, independent of the study's folder.
    private func definition(_ one: StudyMeasurement, _ run: StudyRun) -> String {
        let words = one.arguments(
            model: "", validation: run.recipe.data.validation, seed: run.seed ?? run.recipe.seed, files: "")
        return StudyPlan.digest(of: words.joined(separator: "\u{0}"))
    }

    /// Stores the output of a finished process and starts the run's next stage.
    private func conclude(_ work: Work, stopping: Bool, _ progress: StudyProgress) throws {
        let name = work.run.name
        let code = work.process.exitCode
        // Stopped on request: a training has saved a checkpoint, a measurement will be repeated. A process that had already
        // finished is handled as usual.
        if stopping, code != 0 { return }
        guard code == 0, let answer = work.process.answer(), var result = results[name] else {
            let what = "\(work.stage.name): " + (code == 130 ? "was interrupted" : work.process.reason)
            failures[name] = what
            return progress.failed(work.run, reason: what)
        }
        switch work.stage {
        case .training:
            guard case .object(let object) = answer, object["outcome"] == "finished" else {
                let reason = "train: did not reach its last step"
                failures[name] = reason
                return progress.failed(work.run, reason: reason)
            }
            result.training = try StudyResult.Training(run: URL(fileURLWithPath: folder.run(name)))
        case .measurement(let one):
            result.answers[one.name] = StudyResult.Answer(digest: definition(one, work.run), value: answer)
        }
        try result.write(to: folder.result(name))
        results[name] = result
        guard let next = nextStage(work.run) else {
            progress.finished(work.run, result.values(plan.study.measurements), plan.columns)
            return try summary.write(to: folder)
        }
        guard !stopping, !InterruptFlag.isRaised else { return }
        inProgress.append(Work(run: work.run, stage: next, process: try process(next, of: work.run), begin: .now))
    }
}
