import ForetokenFiles
import ForetokenText
public import Foundation

/// Grades samples over all cores into a results file; an interrupted run goes on where it stopped.
public struct GradingRun {
    /// What the run says of itself besides the results.
    public struct Outcome: Sendable {
        /// The results in the order of the samples.
        public var graded: [GradedSample] = []
        /// Whether every sample was graded.
        public var isComplete = false
        /// Tasks whose own solution does not pass here: their results say nothing.
        public var failingReferences: [String] = []
        /// Samples that ran out of time among the others and were tried once more alone.
        public var repeated = 0
    }

    /// A time limit is at least so many times what the reference solution needs (EvalPlus' factor).
    static let referenceFactor = 4.0

    private let problems: ProblemFile
    private let samples: [SampleFile.Sample]
    private let inputs: [URL]
    /// By task: tells verdicts by other tests or under other limits apart.
    private var runs: [String: String] = [:]
    private let pool: WorkerPool

    /// A run with `workers` programs graded at one time, 1 to 256.
    public init(_ samples: SampleFile, of problems: ProblemFile, in sandbox: Sandbox, workers: Int) {
        (self.problems, self.samples, inputs) = (problems, samples.samples, [samples.url, problems.url])
        for task in Set(samples.samples.map(\.task)) {
            runs[task] = problems[task].map { Self.run(of: $0, sandbox.limits) }
        }
        pool = WorkerPool(sandbox: sandbox, workers: max(1, min(256, workers)))
    }

    private typealias Attempt = Result<Verdict, any Error>

    /// Grades what `out` does not have yet and appends it, a line as soon as it is known.
    ///
    /// `progress` gets what is being done, steps done and in all, and stops the run by false.
    ///
    /// - Throws: `ResultsFileError`, ``EvaluationError``; ``EvaluationError/graderFault(count:task:reason:)`` after everything else was graded.
    public func run(to out: URL, progress: (_ what: String, _ done: Int, _ total: Int) -> Bool) throws -> Outcome {
        var outcome = Outcome()
        var (file, results) = try resume(out)
        let left = samples.indices.filter { results[$0] == nil }
        guard let limits = try calibrate(for: left, &outcome, progress) else { return outcome }

        func keep(_ index: Int, _ verdict: Verdict) throws {
            let sample = samples[index]
            let graded = GradedSample(
                index: index, task: sample.task, temperature: sample.temperature, digest: sample.digest,
                run: runs[sample.task] ?? "", verdict: verdict)
            try file.append(graded.value)
            results[index] = graded
        }
        // What ran out of time, or could not be graded, is tried once more when nothing else runs.
        var again: [Int] = []
        let body = attempt(limits)
        var done = samples.count - left.count
        var isWhole = try pool.run(left, body) { place, attempt in
            done += 1
            if case .success(let verdict) = attempt, verdict.outcome != .timedOut {
                try keep(left[place], verdict)
            } else {
                again.append(left[place])
            }
            return progress("graded", done, samples.count)
        }
        var faults: [(Int, any Error)] = []
        if isWhole {
            outcome.repeated = again.count
            isWhole = try WorkerPool(sandbox: pool.sandbox, workers: 1).run(again, body) { place, attempt in
                switch attempt {
                case .success(let verdict): try keep(again[place], verdict)
                case .failure(let error): faults.append((again[place], error))
                }
                return progress("tried again", place + 1, again.count)
            }
        }
        if let (index, error) = faults.first {
            throw EvaluationError.graderFault(
                count: faults.count, task: samples[index].task, reason: (error as? Grader.Fault)?.reason ?? "\(error)")
        }
        outcome.graded = results.compactMap { $0 }
        outcome.isComplete = isWhole
        return outcome
    }

    private func attempt(_ limits: [String: Double]) -> @Sendable (Int, Grader) -> Attempt {
        { [samples, problems] index, grader in
            Attempt {
                let sample = samples[index]
                guard let problem = problems[sample.task] else { throw Grader.Fault(reason: "no such task") }
                guard sample.isText else {
                    return Verdict(outcome: .failed, reason: "a lone surrogate, which is no text")
                }
                return try grader.verdict(on: sample.program, problem, seconds: limits[sample.task])
            }
        }
    }

    /// Seconds by task: the sandbox's limit, scaled by how slow this machine is under this load, and never less than four
    /// times the reference solution's own time.
    ///
    /// - Returns: nil if `progress` stopped it.
    private func calibrate(
        for left: [Int], _ outcome: inout Outcome, _ progress: (String, Int, Int) -> Bool
    ) throws -> [String: Double]? {
        var tasks: [String] = []
        var seen: Set<String> = []
        for index in left where seen.insert(samples[index].task).inserted { tasks.append(samples[index].task) }
        guard !tasks.isEmpty else { return [:] }
        let base = pool.sandbox.limits.seconds * (try slowness())
        var limits: [String: Double] = [:]
        var failing: [String] = []
        var fault: EvaluationError?
        let isWhole = try pool.run(
            tasks,
            { [problems] task, grader in
                Attempt {
                    guard let problem = problems[task], let reference = problem.reference else {
                        return Verdict(outcome: .passed)
                    }
                    return try grader.verdict(on: problem.programPrefix + reference, problem, seconds: 20 * base)
                }
            }
        ) { place, attempt in
            switch attempt {
            case .success(let verdict):
                limits[tasks[place]] = max(base, verdict.seconds * Self.referenceFactor)
                if verdict.outcome != .passed {
                    failing.append("\(tasks[place]): \(verdict.reason)")
                    limits[tasks[place]] = base
                }
            case .failure(let error):
                fault =
                    fault
                    ?? .graderFault(
                        count: 1, task: tasks[place], reason: (error as? Grader.Fault)?.reason ?? "\(error)")
            }
            return progress("references run", limits.count, tasks.count)
        }
        if let fault { throw fault }
        outcome.failingReferences = failing.sorted()
        return isWhole ? limits : nil
    }

    /// How many times slower than an ordinary core this machine runs a fixed program when all workers run; at least 1.
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
            case .success(let verdict): failure = Grader.Fault(reason: "a right program fails: \(verdict.reason)")
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

    /// Reads what an earlier run wrote.
    private func resume(_ out: URL) throws(ResultsFileError) -> (ResultsFile, [GradedSample?]) {
        var results = [GradedSample?](repeating: nil, count: samples.count)
        let file = try ResultsFile(resuming: out, inputs: inputs) { node, _ in
            let graded = try GradedSample(node)
            guard samples.indices.contains(graded.index), samples[graded.index].digest == graded.digest,
                samples[graded.index].task == graded.task, graded.run == runs[graded.task]
            else { return false }
            results[graded.index] = graded
            return true
        } unfinished: {
            // Samples end in no order.
            samples.indices.filter { results[$0] == nil }.map {
                .object(GradedSample.beginning(task: samples[$0].task, index: $0, run: runs[samples[$0].task] ?? ""))
            }
        }
        return (file, results)
    }

    /// Tells verdicts by other tests or under other limits apart: 16 hexadecimal digits.
    private static func run(of problem: Problem, _ limits: Sandbox.Limits) -> String {
        let text = "\(limits.seconds) \(limits.memory) \(problem.programPrefix)\n\(problem.tests)"
        return String(SHA256.hex(of: Array(text.utf8)).prefix(16))
    }

    /// Fails, before samples are drawn, where their results could not be written: to one of the files that are read, or
    /// after results of other problems or limits. Leaves an empty file where there was none.
    ///
    /// - Throws: `ResultsFileError`, ``EvaluationError``.
    public static func requireWritable(
        _ out: URL, reading inputs: [URL], of problems: ProblemFile, in sandbox: Sandbox
    ) throws {
        try ResultsFile.check(out, inputs: inputs)
        var runs: [String: String] = [:]
        for (line, graded) in try GradedSample.read(out).enumerated() {
            let known = runs[graded.task] ?? problems[graded.task].map { run(of: $0, sandbox.limits) }
            runs[graded.task] = known
            guard graded.run == known else {
                throw ResultsFileError.foreign(file: out.relativePath, line: line + 1)
            }
        }
    }
}
