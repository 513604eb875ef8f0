import ArgumentParser
import ForetokenCommands
import ForetokenDistributed
import ForetokenFiles
import ForetokenReport
import ForetokenTraining
@preconcurrency import Foundation
import Torch

struct Train: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train a model from a recipe, or resume the run in the folder.",
        discussion: """
            A recipe names the token shards, the model's shape and how to train. The run's folder receives the resolved \
            recipe.yaml, metrics.jsonl and checkpoints/, of which 'latest' names the newest.

            The same command resumes a run that was killed or interrupted, bitwise where it stood. Ctrl-C finishes the step, \
            writes a checkpoint and exits with 130; a second Ctrl-C ends at once. One process trains in a folder at a time; \
            the folder may be renamed meanwhile.

            Several processes share each batch and compute the same run up to rounding: --processes starts them on this host; \
            torchrun --no-python and Slurm's srun start them on several, which read the same files and the same --out. A run \
            may resume with another number of processes.

            Examples:
              foretoken train Recipes/demo.yaml --out runs/demo
              foretoken train Recipes/demo.yaml --out runs/x --set training.minutes=3
              foretoken train Recipes/demo.yaml --out runs/x --processes 2
              torchrun --no-python --nproc-per-node 8 foretoken train recipe.yaml --out /shared/runs/x
              foretoken inspect Recipes/demo.yaml    the model's size, before training
            """)

    @Argument(help: "The recipe, a YAML file.", completion: .file(extensions: ["yaml", "yml"]))
    var recipe: Path

    @Option(help: "The run's folder; made if it is not there.", completion: .directory)
    var out: Path

    @Option(
        name: .customLong("set"), parsing: .unconditionalSingleValue,
        help: "Override a key of the recipe: section.key=value; may be repeated.")
    var overrides: [String] = []

    @Option(help: "Checkpoint and exit with 0 after so many minutes; the same command goes on from there.")
    var stopAfter: Double?
    @Option(help: "Train with so many processes of this host, which share each batch and the processor's cores.")
    var processes: Int?

    @Option(
        help: "Seconds to wait for all processes at the start, and for a sign of life of each afterwards.")
    var timeout = 60.0

    @Option(
        help:
            "Write what travelled between the processes, and when, of the first steps of rank 0: JSON for Chrome's viewer.",
        completion: .file(extensions: ["json"]))
    var trace: Path?

    @Flag(
        help: ArgumentHelp(
            "On a GPU, capture the passes of a step as one CUDA graph.",
            discussion: "Experimental: no GPU has run it yet. One process only."))
    var cudaGraphs = false

    @Flag(help: ArgumentHelp("Send gradients after the backward pass only, to compare.", visibility: .hidden))
    var withoutOverlap = false

    @Flag(help: "Print the result as one JSON object.")
    var json = false

    func validate() throws {
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
        let environment = ProcessInfo.processInfo.environment
        let recipe = try Recipe(contentsOf: recipe.url, overrides: overrides)
        guard !cudaGraphs || recipe.training.device.hasPrefix("cuda") else {
            throw ValidationError(
                "--cuda-graphs needs training.device: cuda, and the recipe says \(recipe.training.device)")
        }
        // Not before: a recipe from a pipe that nobody writes to is waited for.
        InterruptFlag.install()
        let isLaunched = environment[LocalRanks.marker] != nil
        let placement = try RankPlacement(environment: environment)
        if let processes, processes > 1, !isLaunched {
            guard placement == nil else {
                throw ValidationError(
                    "--processes starts the ranks itself, but the environment (RANK or SLURM_PROCID) has one")
            }
            return try start(processes)
        }
        guard let placement else { return try train(recipe, RunFolder(out.url), OneRank()) }
        // A peer that died in the middle of a message is an error to name, not this rank's end.
        signal(SIGPIPE, SIG_IGN)
        var world: DistributedWorld?
        do {
            let joined = try DistributedWorld(
                placement, timeout: .seconds(timeout), usesGPU: recipe.training.device.hasPrefix("cuda"),
                // The launcher shows what ranks leave for it.
                warn: { if !isLaunched { Terminal.offer($0) } })
            world = joined
            let folder = placement.rank == 0 ? try RunFolder(out.url) : RunFolder(reading: out.url)
            try train(recipe, folder, joined)
            try joined.close()
        } catch let code as ExitCode {
            try world?.close()
            throw code
        } catch {
            // Who started all ranks repeats the words of the one that failed first.
            if case WorldError.elsewhere = error, isLaunched {
            } else {
                Terminal.log("Error: \(Self.text(error, rank: placement.rank))")
            }
            world?.end(after: error)
            // Not exit: threads that wait for a lost peer would be waited for.
            fflush(nil)
            _exit(1)
        }
    }

    /// Errors that all ranks share are nobody's.
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
        let trainer = try Trainer(recipe: recipe, folder: folder, world: world)
        let notes = trace.map { _ in StepTrace(rank: world.rank) }
        trainer.trace = notes
        if cudaGraphs { try trainer.captureSteps() }
        trainer.overlapsReduction = !withoutOverlap
        guard world.rank == 0 else {
            if try trainer.run(limit: stopAfter.map { .seconds($0 * 60) }) == .interrupted { throw ExitCode(130) }
            return
        }
        if trainer.step > 0 { Terminal.log("resuming \(out.text) after step \(trainer.step)") }
        let outcome = try trainer.run(limit: stopAfter.map { .seconds($0 * 60) })
        if let notes, let trace {
            try notes.write(to: trace.url)
            Terminal.log(notes.summary)
        }
        if json {
            var result: JSONObject = JSONObject()
            result["outcome"] = .string(outcome.name)
            result["step"] = .integer(trainer.step)
            if let validation = trainer.lastValidation {
                result["loss"] = .array(validation.losses.map(JSONValue.finite))
                result["bitsPerByte"] = .array(validation.bitsPerByte.map(JSONValue.finite))
                result["acceptance"] = .array(validation.acceptance.map(JSONValue.finite))
                result["cumulativeAcceptance"] = .array(validation.cumulativeAcceptance.map(JSONValue.finite))
            }
            print(try JSONValue.object(result).text())
        }
        if outcome == .outOfTime {
            Terminal.log("the time is over after step \(trainer.step); the same command goes on")
        }
        if outcome == .interrupted {
            Terminal.log("interrupted after step \(trainer.step); the same command resumes")
            throw ExitCode(130)
        }
    }
}

extension Trainer.Outcome {
    fileprivate var name: String {
        switch self {
        case .finished: "finished"
        case .interrupted: "interrupted"
        case .outOfTime: "out of time"
        }
    }
}
