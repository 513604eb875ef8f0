import ForetokenFiles
import ForetokenModel
import ForetokenReport
import ForetokenTraining
import Foundation

/// Makes a study's runs: each is trained and measured by processes of this program, several side by side.
///
/// What is done is done: results are replaced as a whole after each stage, trainings go on from their checkpoints. So a study
/// that is stopped or killed at any instant loses nothing but the measurement in hand.
public final class StudyRunner {
    /// How a study ended.
    public enum Outcome: Sendable, Equatable {
        /// All runs are done.
        case finished
        /// A signal came; trainings are checkpointed.
        case interrupted
        /// The time is over; trainings are checkpointed.
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

    /// A run in hand.
    private struct Work {
        let run: StudyRun
        var stage: Stage
        var process: StudyProcess
        let begin: ContinuousClock.Instant
    }

    /// What is made.
    public let plan: StudyPlan
    private let folder: StudyFolder
    private let jobs: Int
    private let threads: Int?
    private var results: [String: StudyResult] = [:]
    private var failures: [String: String] = [:]
    private var inHand: [Work] = []
    /// A pipe on which nothing is ever written: its end tells the children that this process is gone.
    private let lifeline: (reading: Int32, writing: Int32)

    /// Opens the plan's folder, in which runs that the plan would make otherwise are refused.
    ///
    /// `jobs`: runs side by side. `threads`: CPU threads of each; the processor's cores shared between them if nil.
    /// - Throws: ``StudyError``, `RecipeError`.
    public init(_ plan: StudyPlan, jobs: Int = 1, threads: Int? = nil) throws {
        self.plan = plan
        self.jobs = jobs
        let cores = ProcessInfo.processInfo.activeProcessorCount
        let isSet = ProcessInfo.processInfo.environment["OMP_NUM_THREADS"] != nil
        self.threads = threads ?? (jobs > 1 && !isSet ? max(1, cores / jobs) : nil)
        folder = try StudyFolder(plan.folder)
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else {
            throw StudyError.system(path: plan.folder, action: "make a pipe", reason: String(cString: strerror(errno)))
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
            // One that had only begun is begun again, whatever it is now.
            let isBegun = result?.training != nil || hasCheckpoint(run.name)
            results[run.name] = isBegun || result?.digest == run.digest ? result : nil
        }
        try requireUnchanged()
        try requireFiles()
    }

    deinit {
        close(lifeline.reading)
        close(lifeline.writing)
    }

    /// Refuses data that is not there before hours go by.
    private func requireFiles() throws {
        for run in plan.runs where !isDone(run) {
            let data = run.recipe.data
            let own =
                results[run.name]?.training == nil
                ? data.mixture.map(\.path) + [data.validation].compactMap(\.self) : []
            let measured = plan.study.measurements.flatMap { $0.files(validation: data.validation) }
            for path in own + measured where !FileManager.default.fileExists(atPath: path) {
                throw StudyError.run(
                    file: plan.study.file, name: run.name,
                    reason: "\(path): no such file; paths of data are looked for from the current folder on")
            }
        }
    }

    /// Whether a run in the folder is the plan's, though written otherwise: another release's recipes have other keys, whose
    /// defaults change nothing.
    private func isSame(_ run: StudyRun) -> Bool {
        guard let result = results[run.name] else { return false }
        if result.digest == run.digest { return true }
        guard let stored = try? Recipe(contentsOf: folder.recipe(run.name)),
            run.recipe.differingKeys(from: stored).isEmpty
        else { return false }
        guard let parent = run.parent else { return true }
        return plan.runs.first { $0.name == parent }.map(isSame) ?? false
    }

    /// Names the runs in the folder that were made otherwise.
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

    /// What the results so far come to.
    public var summary: StudySummary { StudySummary(plan, results: results, failures: failures) }

    /// Makes the runs that are not made yet.
    ///
    /// `limit`: when it is over, trainings are checkpointed and nothing new begins.
    /// - Throws: ``StudyError/failed(_:of:)`` when runs failed, after the others are done; file errors.
    public func run(limit: Duration? = nil) throws -> Outcome {
        let begin = ContinuousClock.now
        var outcome = Outcome.finished
        let progress = StudyProgress(plan, done: plan.runs.filter(isDone).map(\.name))
        try summary.write(to: folder)
        while true {
            for index in inHand.indices.reversed() where inHand[index].process.hasEnded() {
                let work = inHand.remove(at: index)
                try conclude(work, stopping: outcome != .finished, progress)
            }
            if outcome == .finished {
                let isLate = limit.map { ContinuousClock.now - begin >= $0 } ?? false
                if InterruptFlag.isRaised { outcome = .interrupted } else if isLate, !isAllDone { outcome = .outOfTime }
                if outcome != .finished { for work in inHand { work.process.stop() } }
            }
            if outcome == .finished {
                while inHand.count < jobs, let run = plan.runs.first(where: isReady) { try start(run, progress) }
            } else if outcome == .outOfTime, InterruptFlag.isRaised {
                outcome = .interrupted
            }
            if inHand.isEmpty { break }
            progress.show(inHand.map { ($0.run.name, $0.stage.name, folder.run($0.run.name)) })
            usleep(20_000)
        }
        progress.finish()
        try summary.write(to: folder)
        guard failures.isEmpty || outcome != .finished else {
            let named = plan.runs.compactMap { run in failures[run.name].map { (name: run.name, reason: $0) } }
            throw StudyError.failed(named, of: plan.runs.count)
        }
        return outcome
    }

    private var isAllDone: Bool { plan.runs.allSatisfy { isDone($0) || failures[$0.name] != nil } }

    /// What is left to do for a run.
    private func nextStage(_ run: StudyRun) -> Stage? {
        guard let result = results[run.name], result.training != nil else { return .training }
        return plan.study.measurements.first { one in
            result.answers[one.name]?.digest != definition(one, run)
        }.map(Stage.measurement)
    }

    private func isDone(_ run: StudyRun) -> Bool { nextStage(run) == nil }

    private func isReady(_ run: StudyRun) -> Bool {
        guard failures[run.name] == nil, !inHand.contains(where: { $0.run.name == run.name }), !isDone(run) else {
            return false
        }
        guard let parent = run.parent else { return true }
        if failures[parent] != nil, results[parent]?.training == nil {
            failures[run.name] = "starts from \(parent), which failed"
            return false
        }
        return results[parent]?.training != nil && !inHand.contains { $0.run.name == parent && isTraining($0) }
    }

    private func isTraining(_ work: Work) -> Bool { if case .training = work.stage { true } else { false } }

    private func start(_ run: StudyRun, _ progress: StudyProgress) throws {
        guard let stage = nextStage(run) else { return }
        // A training that has a checkpoint goes on by its own recipe, which may spell the folder otherwise.
        if results[run.name]?.training == nil, !hasCheckpoint(run.name) {
            forgetBeginning(of: run)
            try RunFolder.write(run.recipe.yaml, to: folder.recipe(run.name))
        }
        if results[run.name] == nil {
            // Answers of a model that is trained anew are not its own.
            try? FileManager.default.removeItem(at: folder.details(run.name))
            let result = StudyResult(name: run.name, digest: run.digest)
            try result.write(to: folder.result(run.name))
            results[run.name] = result
        }
        inHand.append(Work(run: run, stage: stage, process: try process(stage, of: run), begin: .now))
    }

    private func hasCheckpoint(_ name: String) -> Bool {
        let isKnown = FileManager.default.fileExists(atPath: folder.recipe(name).path)
        return isKnown && RunCheckpoints.latest(in: URL(fileURLWithPath: folder.run(name))) != nil
    }

    /// Takes away what a run of this study, begun with another recipe, has written before its first checkpoint. Anything else
    /// stays, and `train` says that it is in the way.
    private func forgetBeginning(of run: StudyRun) {
        let begun = URL(fileURLWithPath: folder.run(run.name))
        guard RunCheckpoints.latest(in: begun) == nil, var own = try? Recipe(contentsOf: folder.recipe(run.name)),
            let stored = try? Recipe(contentsOf: begun.appendingPathComponent("recipe.yaml")),
            !run.recipe.differingKeys(from: stored).isEmpty
        else { return }
        // Steps that the run measured.
        if own.training.steps == nil { own.training.steps = stored.training.steps }
        // Nobody trains in it, and it is the run that this study began.
        guard own.differingKeys(from: stored).isEmpty, let held = try? RunFolder(begun) else { return }
        withExtendedLifetime(held) {
            for name in ["metrics.jsonl", "report.html", "recipe.yaml"] {
                try? FileManager.default.removeItem(at: begun.appendingPathComponent(name))
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
        // Programs are graded side by side, one for each core of this run's.
        guard case .code = one.kind, let threads else { return arguments }
        return arguments + ["--workers", "\(min(256, threads))"]
    }

    /// A digest of what is measured, whatever the folder is called.
    private func definition(_ one: StudyMeasurement, _ run: StudyRun) -> String {
        let words = one.arguments(
            model: "", validation: run.recipe.data.validation, seed: run.seed ?? run.recipe.seed, files: "")
        return StudyPlan.digest(of: words.joined(separator: "\u{0}"))
    }

    /// Keeps what a process found, and goes on with the run's next stage.
    private func conclude(_ work: Work, stopping: Bool, _ progress: StudyProgress) throws {
        let name = work.run.name
        let code = work.process.exitCode
        // Asked to end: a training has saved what it has, a measurement is made again. Who was done before is done.
        if stopping, code != 0 { return }
        guard code == 0, let answer = work.process.answer(), var result = results[name] else {
            let what = "\(work.stage.name): " + (code == 130 ? "was interrupted" : work.process.reason)
            failures[name] = what
            return progress.log("\(name) failed: \(what)")
        }
        switch work.stage {
        case .training:
            guard case .object(let object) = answer, object["outcome"] == "finished" else {
                failures[name] = "train: did not reach its last step"
                return progress.log("\(name) failed: \(failures[name] ?? "")")
            }
            result.training = try StudyResult.Training(run: URL(fileURLWithPath: folder.run(name)))
        case .measurement(let one):
            result.answers[one.name] = StudyResult.Answer(digest: definition(one, work.run), value: answer)
        }
        try result.write(to: folder.result(name))
        results[name] = result
        guard let next = nextStage(work.run) else {
            progress.done(work.run, result.values(plan.study.measurements), plan.columns)
            return try summary.write(to: folder)
        }
        guard !stopping, !InterruptFlag.isRaised else { return }
        inHand.append(Work(run: work.run, stage: next, process: try process(next, of: work.run), begin: .now))
    }
}
