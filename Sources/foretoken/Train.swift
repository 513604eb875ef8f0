import ArgumentParser
import ForetokenReport
import ForetokenTraining
import Foundation
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

            Examples:
              foretoken train Recipes/demo.yaml --out runs/demo
              foretoken train Recipes/demo.yaml --out runs/x --set training.minutes=3
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

    @Flag(help: "Print the result as one JSON object.")
    var json = false

    func validate() throws {
        guard stopAfter.map({ (0...1e6).contains($0) }) ?? true else {
            throw ValidationError("--stop-after must be 0 to a million minutes")
        }
    }

    @TorchActor
    func run() async throws {
        InterruptFlag.install()
        let recipe = try Recipe(contentsOf: recipe.url, overrides: overrides)
        let folder = try RunFolder(out.url)
        let trainer = try Trainer(recipe: recipe, folder: folder)
        if trainer.step > 0 { Terminal.log("resuming \(out.text) after step \(trainer.step)") }
        let outcome = try trainer.run(limit: stopAfter.map { .seconds($0 * 60) })
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
