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
        abstract: "Train a recipe in many variants, measure each, and compare them in one table and one plot.",
        discussion: """
            A study's file names a recipe and what varies: a grid of values, of which 'seed' is the axis that spread is taken \
            over, named arms, or both; and what to measure after each run.

              recipe: ../demo.yaml             relative to the study's file
              set: { training.steps: 2000 }    for every run
              grid: { model.heads: [1, 2, 4], seed: [1, 2, 3] }
              arms:              named variants, each with every point of the grid
                plain: {}
                annealed: { training.headWeights: { decay: 0.7 } }
                onward: { from: plain, training.steps: 500 }
              evaluate: [loss, { decoding: { temperatures: [0, 0.8] } }]
              axes: { x: model.heads, series: arm, y: bitsPerByte }

            An arm with 'from' goes on from that arm's model of the same seed. The folder receives runs/, results/, logs/, and after every run table.md, study.svg and study.json. The same command \
            goes on after Ctrl-C or a kill, inside a training as well, and keeps what is done when variants or seeds are \
            added. A failed run is named, the others go on. Seeds are outermost, so a study that is stopped early compares all \
            variants.

            Examples:
              foretoken study Recipes/studies/best-n.yaml --dry-run
              foretoken study Recipes/studies/best-n.yaml --out studies/n --jobs 2
              foretoken study my.yaml --out studies/x --stop-after 60
            """)

    @Argument(help: "The study, a YAML file.", completion: .file(extensions: ["yaml", "yml"]))
    var study: Path
    @Option(help: "The study's folder; made if it is not there.", completion: .directory)
    var out: Path?
    @Option(parsing: .unconditional, help: "Runs side by side.")
    var jobs = 1
    @Option(parsing: .unconditional, help: "CPU threads of each run; the cores shared between them if not given.")
    var threads: Int?
    @Option(
        name: .customLong("set"), parsing: .unconditionalSingleValue,
        help: "Override a key of every run's recipe: section.key=value; may be repeated.")
    var overrides: [String] = []
    @Option(help: "Checkpoint and exit with 0 after so many minutes; the same command goes on from there.")
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
        // Not before: a study from a pipe that nobody writes to is waited for.
        InterruptFlag.install()
        for note in plan.notes { Terminal.log(note) }
        if dryRun {
            print(json ? try JSONValue.object(plan.json).text() : plan.outline.terminalText + "\n\n" + plan.totals)
            return
        }
        let runner = try StudyRunner(plan, jobs: jobs, threads: threads)
        let ending = Result { try runner.run(limit: stopAfter.map { .seconds($0 * 60) }) }
        let summary = runner.summary
        print(json ? try JSONValue.object(summary.json).text() : summary.tables(width: Terminal.outputWidth))
        switch try ending.get() {
        case .finished: break
        case .outOfTime: Terminal.log("the time is over after \(summary.done) runs; the same command goes on")
        case .interrupted:
            Terminal.log("interrupted after \(summary.done) runs; the same command goes on")
            throw ExitCode(130)
        }
    }
}
