import ArgumentParser
import ForetokenCommands
import ForetokenFiles
import ForetokenReport
import ForetokenStudies
import ForetokenTraining
import Foundation
import Torch

struct StudyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "study",
        abstract: TorchAbstract.study,
        discussion: """
            A study's file names a recipe and its variants: a grid of values, in which 'seed' lists the replicates, named arms, \
            or both; and the measurements after each run.

              recipe: ../demo.yaml             relative to the study's file
              set: { training.steps: 2000 }    for every run
              grid: { model.heads: [1, 2, 4], seed: [1, 2, 3] }
              arms:                            named variants, each with every point of the grid
                plain: {}
                annealed: { training.headWeights: { decay: 0.7 } }
                onward: { from: plain, training.steps: 500 }
              evaluate: [loss, { decoding: { temperatures: [0, 0.8] } }]
              axes: { x: model.heads, series: arm, y: bitsPerByte }

            An arm with 'from' starts from that arm's model of the same seed. The folder receives runs/, results/, logs/, and \
            after every run table.md, study.svg and study.json. After Ctrl-C or a kill, even in the middle of a training run, \
            the same command resumes. It also keeps finished runs when variants or seeds are added. A failed run is reported \
            while the others continue. Seeds are the outermost loop, so that a study stopped early compares all variants.

            Examples:
              foretoken study Recipes/studies/best-n.yaml --dry-run
              foretoken study Recipes/studies/best-n.yaml --out studies/n --jobs 2
              foretoken study my.yaml --out studies/x --stop-after 60
            """)

    @Argument(help: "The study to run, a YAML file.", completion: .file(extensions: ["yaml", "yml"]))
    var study: Path
    @Option(
        help: "The study's folder, created if it does not exist; only --dry-run works without it.",
        completion: .directory)
    var out: Path?
    @Option(parsing: .unconditional, help: "Number of runs at the same time.")
    var jobs = 1
    @Option(
        parsing: .unconditional,
        help: "CPU threads of each run; if omitted, the cores are divided evenly among the runs.")
    var threads: Int?
    @Option(
        name: .customLong("set"), parsing: .unconditionalSingleValue,
        help: "Override a key of every run's recipe, as section.key=value; may be given more than once.")
    var overrides: [String] = []
    @Option(
        help: "Save checkpoints and exit with 0 after this many minutes; the same command resumes. No limit if omitted."
    )
    var stopAfter: Double?
    @Flag(help: "Only show the runs with their parameters, predicted memory, steps and tokens.")
    var dryRun = false
    @Flag(help: "Print the results as one JSON object.")
    var json = false

    func validate() throws {
        if out == nil, !dryRun { throw ValidationError("name the study's folder with --out, or give --dry-run") }
        try require(jobs, "--jobs", in: 1...256)
        try require(threads, "--threads", in: 1...1024)
        guard stopAfter.map({ (0...1e6).contains($0) }) ?? true else {
            throw ValidationError("--stop-after must be 0 to a million minutes")
        }
    }

    func run() throws {
        let plan = try StudyPlan(Study(contentsOf: study.url), folder: out?.text ?? "DIR", overrides: overrides)
        // Only now, so that Ctrl-C still ends the wait for a study from a pipe without a writer.
        InterruptFlag.install()
        for note in plan.notes { Terminal.log(note) }
        if dryRun { return try show(StudyPlanOutput(plan: plan), asJSON: json) }
        let progress = StudyProgressLine(runs: plan.runs.count)
        let runner = try StudyRunner(plan, jobs: jobs, threads: threads, onEvent: progress.show)
        let ending = Result { try runner.run(limit: stopAfter.map { .seconds($0 * 60) }) }
        progress.finish()
        let summary = runner.summary
        try show(StudySummaryOutput(summary: summary), asJSON: json)
        switch try ending.get() {
        case .finished: break
        case .outOfTime:
            Terminal.log("the time is over after \(summary.done) runs; the same command resumes")
        case .interrupted:
            Terminal.log("interrupted after \(summary.done) runs; the same command resumes")
            throw ExitCode(130)
        }
    }
}

/// The runs of a study, before they start.
private struct StudyPlanOutput: CommandOutput {
    let plan: StudyPlan

    var jsonLine: String { get throws { try JSONValue.object(plan.json).text() } }
    var terminalText: String { plan.outline.terminalText + "\n\n" + plan.totals }
}

/// The results of a study.
private struct StudySummaryOutput: CommandOutput {
    let summary: StudySummary

    var jsonLine: String { get throws { try JSONValue.object(summary.json).text() } }
    var terminalText: String { summary.tables(width: Terminal.outputWidth) }
}
