public import ArgumentParser
import ForetokenCommands
import ForetokenDistributed
import ForetokenFiles
import ForetokenReport
public import ForetokenTraining
@preconcurrency import Foundation
import Torch

struct Train: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: TorchAbstract.train,
        discussion: """
            A recipe names the token shards, the model's shape and the training settings. The run's folder receives the \
            resolved recipe.yaml, metrics.jsonl and checkpoints/, of which 'latest' names the newest.

            The same command resumes a run that was killed or interrupted, and the result is bitwise that of an \
            uninterrupted run. Ctrl-C finishes the step, writes a checkpoint and exits with 130; a second Ctrl-C ends at \
            once. Only one process can train in a folder at a time. The folder may be renamed meanwhile.

            Several processes share each batch and compute the same run up to rounding. --processes starts them on this \
            host; torchrun --no-python or Slurm's srun starts them on several hosts, which must see the same files and the \
            same --out. A run may resume with another number of processes.

            Examples:
              foretoken train Recipes/demo.yaml --out runs/demo
              foretoken train Recipes/demo.yaml --out runs/x --set training.minutes=3
              foretoken train Recipes/demo.yaml --out runs/x --processes 2
              torchrun --no-python --nproc-per-node 8 foretoken train recipe.yaml --out /shared/runs/x
              foretoken inspect Recipes/demo.yaml    the model's size, before training
              foretoken train --print-recipe --for bytes > recipe.yaml    a recipe to begin with
            """)

    @Argument(help: "The recipe, a YAML file.", completion: .file(extensions: ["yaml", "yml"]))
    var recipe: Path?

    @Option(
        help: "The run's folder, created if it does not exist; needed unless --print-recipe is given.",
        completion: .directory)
    var out: Path?

    @Flag(help: "Print a recipe with a comment for every key to standard output and exit.")
    var printRecipe = false

    @Option(
        name: .customLong("for"),
        help:
            "With --print-recipe, the template: bytes, bpe, upgrade or finetune; all keys with their defaults if omitted."
    )
    var template: RecipeTemplate?

    @Option(
        name: .customLong("set"), parsing: .unconditionalSingleValue,
        help: "Override a key of the recipe, as section.key=value; may be given more than once.")
    var overrides: [String] = []

    @Option(
        help:
            "Save a checkpoint and exit with 0 after this many minutes; the same command resumes. No limit if omitted.")
    var stopAfter: Double?
    @Option(
        help:
            "Number of processes to start on this host, which share each batch and the cores; trains in one if omitted."
    )
    var processes: Int?

    @Option(
        help: "Fail if a process does not connect, or sends nothing, for this many seconds.")
    var timeout = 60.0

    @Option(
        help: """
            A JSON file for a trace of rank 0's communication in the first steps, for chrome://tracing; no trace if omitted.
            """,
        completion: .file(extensions: ["json"]))
    var trace: Path?

    @Flag(
        help: ArgumentHelp(
            "On a GPU, capture a step's passes as one CUDA graph.",
            discussion: "Experimental, and not yet tested on a GPU. One process only."))
    var cudaGraphs = false

    @Flag(
        help: ArgumentHelp(
            "Reduce gradients only after the backward pass, to measure the gain of overlapping.", visibility: .hidden))
    var withoutOverlap = false

    @Flag(help: "Print the result as one JSON object.")
    var json = false

    func validate() throws {
        guard printRecipe || template == nil else { throw ValidationError("--for goes with --print-recipe") }
        guard !printRecipe || recipe == nil && out == nil && overrides.isEmpty else {
            throw ValidationError("--print-recipe prints a recipe and takes no RECIPE, --out or --set")
        }
        if !printRecipe {
            guard recipe != nil else {
                throw ValidationError("name a recipe; `foretoken train --print-recipe --for bytes` prints one")
            }
            guard out != nil else { throw ValidationError("name the run's folder with --out") }
        }
        guard stopAfter.map({ (0...1e6).contains($0) }) ?? true else {
            throw ValidationError("--stop-after must be 0 to a million minutes")
        }
        try require(processes, "--processes", in: 1...1024)
        guard timeout.isFinite, (1...86_400).contains(timeout) else {
            throw ValidationError("--timeout \(timeout): must be 1 to 86400 seconds")
        }
    }

    @ComputeActor
    func run() async throws {
        guard let file = recipe, let out else { return print(template?.yaml ?? RecipeTemplate.allKeys, terminator: "") }
        let environment = ProcessInfo.processInfo.environment
        let recipe = try Recipe(contentsOf: file.url, overrides: overrides)
        guard !cudaGraphs || recipe.training.device.hasPrefix("cuda") else {
            throw ValidationError(
                "--cuda-graphs needs training.device: cuda, and the recipe says \(recipe.training.device)")
        }
        // Only now, so that Ctrl-C still ends the wait for a recipe from a pipe without a writer.
        InterruptFlag.install()
        let isLaunched = environment[LocalRanks.marker] != nil
        let placement = try RankPlacement(environment: environment)
        if let processes, processes > 1, !isLaunched {
            guard placement == nil else {
                throw ValidationError(
                    "--processes starts the ranks itself, but the environment (RANK or SLURM_PROCID) already names one; drop one of them"
                )
            }
            return try start(processes)
        }
        if placement?.rank ?? 0 == 0 { recipe.provenance.notices.forEach { Terminal.log($0) } }
        guard let placement else { return try train(recipe, RunFolder(out.url), OneRank()) }
        // A peer that dies in the middle of a message becomes an error here instead of a signal.
        signal(SIGPIPE, SIG_IGN)
        var world: DistributedWorld?
        do {
            let joined = try DistributedWorld(
                placement, timeout: .seconds(timeout), usesGPU: recipe.training.device.hasPrefix("cuda"),
                // The launcher repeats the warnings of its ranks.
                warn: { if !isLaunched { Terminal.offer($0) } })
            world = joined
            let folder = placement.rank == 0 ? try RunFolder(out.url) : RunFolder(reading: out.url)
            try train(recipe, folder, joined)
            try joined.close()
        } catch let code as ExitCode {
            try world?.close()
            throw code
        } catch {
            // The launcher repeats the error of the rank that failed first.
            if case WorldError.elsewhere = error, isLaunched {
            } else {
                Terminal.log("Error: \(Self.text(error, rank: placement.rank))")
            }
            world?.end(after: error)
            // `exit` would wait for threads that wait for a lost peer.
            fflush(nil)
            _exit(1)
        }
    }

    /// The error with its rank, unless all ranks have it.
    private static func text(_ error: any Error, rank: Int) -> String {
        error is WorldError || error is TrainerError ? "\(error)" : "rank \(rank): \(error)"
    }

    /// Starts the ranks of this host and waits for them.
    private func start(_ processes: Int) throws {
        let ranks = try LocalRanks(
            count: processes, arguments: CommandLine.arguments, timeout: .seconds(timeout))
        switch ranks.wait(isInterrupted: { InterruptFlag.isRaised }) {
        case .finished: return
        case .interrupted: throw ExitCode(130)
        case .failed(let words):
            throw CommandFailure(description: "\(words); all \(processes) ranks have ended")
        }
    }

    @ComputeActor
    private func train(_ recipe: Recipe, _ folder: RunFolder, _ world: any World) throws {
        let console = TrainingConsole()
        defer { console.finish() }
        let trainer = try Trainer(recipe: recipe, folder: folder, world: world) { event in
            if world.rank == 0 { console.show(event) }
        }
        let notes = trace.map { _ in StepTrace(rank: world.rank) }
        trainer.trace = notes
        if cudaGraphs { try trainer.captureSteps() }
        trainer.overlapsReduction = !withoutOverlap
        guard world.rank == 0 else {
            if try trainer.run(limit: stopAfter.map { .seconds($0 * 60) }) == .interrupted { throw ExitCode(130) }
            return
        }
        if trainer.step > 0 { Terminal.log("resuming \(folder.url.relativePath) after step \(trainer.step)") }
        let outcome = try trainer.run(limit: stopAfter.map { .seconds($0 * 60) })
        console.finish()
        if let notes, let trace {
            try notes.write(to: trace.url)
            Terminal.log(notes.summary)
        }
        if json {
            let output = TrainingOutput(outcome: outcome, step: trainer.step, validation: trainer.lastValidation)
            print(try output.jsonLine)
        }
        if outcome == .outOfTime {
            Terminal.log("the time is over after step \(trainer.step); the same command resumes")
        }
        if outcome == .interrupted {
            Terminal.log("interrupted after step \(trainer.step); the same command resumes")
            throw ExitCode(130)
        }
    }
}

extension RecipeTemplate: ExpressibleByArgument {}
