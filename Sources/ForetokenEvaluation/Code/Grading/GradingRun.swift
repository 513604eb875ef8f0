import ForetokenFiles
import ForetokenText
public import Foundation

/// Grades completions in parallel into a results file; an interrupted run resumes.
public struct GradingRun {
    /// The results of a run.
    public struct Outcome: Sendable {
        /// The results in the order of the completions.
        public var graded: [GradedCompletion] = []
        /// Whether every completion was graded.
        public var isComplete = false
        /// Tasks whose reference solution does not pass on this machine; their results are meaningless.
        public var failingReferences: [String] = []
        /// What could not be graded for reasons other than the program, and is left out.
        public var ungradable: [Ungradable] = []
        /// The number of completions that timed out in parallel and were graded again without load.
        public var repeated = 0
    }

    /// A task, or one completion of it, that could not be graded.
    public struct Ungradable: Sendable, Equatable {
        /// The task's name.
        public var task: String
        /// The completion's index; nil if the task's own tests or reference solution do not work here.
        public var completion: Int?
        /// What failed.
        public var reason: String
    }

    private struct Limits: Sendable {
        /// Seconds by task; a task that cannot be graded has none.
        var seconds: [String: Double] = [:]
        var slowness = 1.0
    }

    /// The time limit is at least this multiple of the reference solution's time (EvalPlus' factor).
    static let referenceFactor = 4.0

    private let problems: ProblemFile
    private let completions: [CompletionFile.Completion]
    private let inputs: [URL]
    /// By task: the digest of its tests and limits.
    private var testsDigests: [String: String] = [:]
    private let pool: WorkerPool

    /// Creates a run that grades `workers` programs in parallel, 1 to 256.
    public init(_ file: CompletionFile, of problems: ProblemFile, in sandbox: Sandbox, workers: Int) {
        (self.problems, completions, inputs) = (problems, file.completions, [file.url, problems.url])
        for task in Set(completions.map(\.task)) {
            testsDigests[task] = problems[task].map { Self.testsDigest(of: $0, sandbox.limits) }
        }
        pool = WorkerPool(sandbox: sandbox, workers: max(1, min(256, workers)))
    }

    private typealias Attempt = Result<Verdict, any Error>

    /// Grades the completions without a result in `out` and appends each result as soon as it is known.
    ///
    /// `progress` receives the current stage, the number of finished steps and their total; returning false stops the run.
    ///
    /// A task or completion that cannot be graded is reported and left out, and tried again by the next run.
    ///
    /// - Throws: `ResultsFileError`, ``EvaluationError``; ``EvaluationError/graderFault(count:task:reason:)`` if nothing can be
    ///   graded.
    public func run(to out: URL, progress: (_ stage: String, _ done: Int, _ total: Int) -> Bool) throws -> Outcome {
        var outcome = Outcome()
        var (file, results) = try resume(out)
        var pending = completions.indices.filter {
            results[$0] == nil && problems[completions[$0].task]?.hasTests != false
        }
        guard let limits = try calibrate(for: pending, &outcome, progress) else { return outcome }
        pending.removeAll { limits.seconds[completions[$0].task] == nil }

        func record(_ index: Int, _ verdict: Verdict) throws {
            let completion = completions[index]
            let graded = GradedCompletion(
                index: index, task: completion.task, temperature: completion.temperature,
                programDigest: completion.programDigest, testsDigest: testsDigests[completion.task] ?? "",
                verdict: verdict)
            try file.append(graded.value)
            results[index] = graded
        }
        // Programs that timed out or could not be graded are run once more, one at a time.
        var retries: [Int] = []
        let body = attempt(limits)
        var done = completions.count - pending.count
        var isComplete = try pool.run(pending, body) { position, attempt in
            done += 1
            if case .success(let verdict) = attempt, verdict.outcome != .timedOut {
                try record(pending[position], verdict)
            } else {
                retries.append(pending[position])
            }
            return progress("graded", done, completions.count)
        }
        if isComplete {
            outcome.repeated = retries.count
            isComplete = try WorkerPool(sandbox: pool.sandbox, workers: 1).run(retries, body) { position, attempt in
                switch attempt {
                case .success(let verdict): try record(retries[position], verdict)
                case .failure(let error):
                    let index = retries[position]
                    outcome.ungradable.append(
                        Ungradable(task: completions[index].task, completion: index, reason: try Self.reason(error)))
                }
                return progress("retried", position + 1, retries.count)
            }
        }
        outcome.graded = results.compactMap { $0 }
        if outcome.graded.isEmpty, let first = outcome.ungradable.first {
            throw EvaluationError.graderFault(
                count: outcome.ungradable.count, task: first.task, reason: first.reason)
        }
        outcome.isComplete = isComplete
        return outcome
    }

    /// Why a completion could not be graded.
    ///
    /// - Throws: an error that concerns the machine and not one completion.
    private static func reason(_ error: any Error) throws -> String {
        guard let fault = error as? Grader.Fault else { throw error }
        return fault.reason
    }

    private func attempt(_ limits: Limits) -> @Sendable (Int, Grader) -> Attempt {
        { [completions, problems] index, grader in
            Attempt {
                let completion = completions[index]
                guard let problem = problems[completion.task] else { throw Grader.Fault(reason: "no such task") }
                guard completion.isValidUnicode else {
                    return Verdict(outcome: .failed, reason: "a lone surrogate, which is not valid Unicode")
                }
                return try grader.verdict(
                    on: completion.program, problem, seconds: limits.seconds[completion.task],
                    slowness: limits.slowness)
            }
        }
    }

    /// The time limit of each task in seconds: the sandbox's limit, scaled by the slowness of this machine under full load, and
    /// at least four times the time of the reference solution.
    ///
    /// - Returns: nil if `progress` stopped the run.
    private func calibrate(
        for pending: [Int], _ outcome: inout Outcome, _ progress: (String, Int, Int) -> Bool
    ) throws -> Limits? {
        var tasks: [String] = []
        var seen: Set<String> = []
        for index in pending where seen.insert(completions[index].task).inserted {
            tasks.append(completions[index].task)
        }
        guard !tasks.isEmpty else { return Limits() }
        let slowness = try slowness()
        let base = pool.sandbox.limits.seconds * slowness
        var limits = Limits(slowness: slowness)
        var failing: [String] = []
        var done = 0
        let isComplete = try pool.run(
            tasks,
            { [problems] task, grader in
                Attempt {
                    guard let problem = problems[task], let reference = problem.reference else {
                        return Verdict(outcome: .passed)
                    }
                    return try grader.verdict(
                        on: problem.programPrefix + reference, problem, seconds: 20 * base, slowness: slowness)
                }
            }
        ) { position, attempt in
            let task = tasks[position]
            switch attempt {
            case .success(let verdict):
                let isPassed = verdict.outcome == .passed
                limits.seconds[task] = isPassed ? max(base, verdict.seconds * Self.referenceFactor) : base
                if !isPassed { failing.append("\(task): \(verdict.reason)") }
            case .failure(let error):
                outcome.ungradable.append(Ungradable(task: task, completion: nil, reason: try Self.reason(error)))
            }
            done += 1
            return progress("reference solutions run", done, tasks.count)
        }
        outcome.ungradable.sort { $0.task < $1.task }
        outcome.failingReferences = failing.sorted()
        return isComplete ? limits : nil
    }

    /// The time of a fixed program with all workers busy, relative to its nominal time on one core; at least 1.
    private func slowness() throws -> Double {
        let nominal = 0.1
        let problem = Problem(
            id: "calibration", prompt: "",
            tests: .calls(setup: "", code: "assert work() == 333332833333500000", entryPoint: "work"))
        let program = "def work():\n    return sum(i * i for i in range(1000000))\n"
        var worst = nominal
        var failure: (any Error)?
        _ = try pool.run(
            [Int](0..<pool.workers),
            { _, grader in Attempt { try grader.verdict(on: program, problem, seconds: 60) } }
        ) { _, attempt in
            switch attempt {
            case .success(let verdict) where verdict.outcome == .passed: worst = max(worst, verdict.seconds)
            case .success(let verdict): failure = Grader.Fault(reason: "a correct program fails: \(verdict.reason)")
            case .failure(let error): failure = error
            }
            return true
        }
        if let failure {
            throw EvaluationError.graderFault(
                count: 1, task: "calibration", reason: (failure as? Grader.Fault)?.reason ?? "\(failure)")
        }
        return worst / nominal
    }

    /// Reads the results of an earlier run.
    private func resume(_ out: URL) throws(ResultsFileError) -> (ResultsFile, [GradedCompletion?]) {
        var results = [GradedCompletion?](repeating: nil, count: completions.count)
        let file = try ResultsFile(resuming: out, inputs: inputs) { node, _ in
            let graded = try GradedCompletion(node)
            guard completions.indices.contains(graded.index),
                completions[graded.index].programDigest == graded.programDigest,
                completions[graded.index].task == graded.task, graded.testsDigest == testsDigests[graded.task]
            else { return false }
            results[graded.index] = graded
            return true
        } unfinished: {
            // Results are not in order, so any completion without one may be next.
            completions.indices.filter { results[$0] == nil }.map { index in
                let task = completions[index].task
                return .object(
                    GradedCompletion.header(task: task, index: index, testsDigest: testsDigests[task] ?? ""))
            }
        }
        return (file, results)
    }

    /// The digest of a problem's tests and the sandbox's limits: 16 hexadecimal digits.
    private static func testsDigest(of problem: Problem, _ limits: Sandbox.Limits) -> String {
        // Increased where the rules of grading change, so that verdicts by different rules are never mixed.
        let rules = 2
        let text = "\(rules) \(limits.seconds) \(limits.memory) \(problem.programPrefix)\n\(problem.tests)"
        return String(SHA256.hex(of: Array(text.utf8)).prefix(16))
    }

    /// Fails if results could not be written to `out`: it is one of the input files, or has results of other problems or limits.
    /// Allows checking this before completions are generated. Creates an empty file if there is none.
    ///
    /// - Throws: `ResultsFileError`, ``EvaluationError``.
    public static func requireWritable(
        _ out: URL, reading inputs: [URL], of problems: ProblemFile, in sandbox: Sandbox
    ) throws {
        try ResultsFile.check(out, inputs: inputs)
        var digests: [String: String] = [:]
        for (line, graded) in try GradedCompletion.read(out).enumerated() {
            let digest = digests[graded.task] ?? problems[graded.task].map { testsDigest(of: $0, sandbox.limits) }
            digests[graded.task] = digest
            guard graded.testsDigest == digest else {
                throw ResultsFileError.foreign(file: out.relativePath, line: line + 1)
            }
        }
    }
}
