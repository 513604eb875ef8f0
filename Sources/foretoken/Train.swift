import ArgumentParser
import ForetokenReport
import ForetokenTraining
import Foundation
import Torch

struct Train: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train a model from a recipe, or resume the run in the folder.",
        discussion: """
            The same command resumes a run that was killed or interrupted, bitwise where it stood. Ctrl-C finishes the step,
            writes a checkpoint and exits with 130.

            Example: foretoken train Recipes/demo.yaml --out runs/demo --set training.minutes=3
            """)

    @Argument(help: "The recipe, a YAML file.")
    var recipe: String

    @Option(help: "The run's folder.")
    var out: String

    @Option(name: .customLong("set"), help: "Override a key of the recipe: section.key=value; may be repeated.")
    var overrides: [String] = []

    @Flag(help: "Print the result as one JSON object.")
    var json = false

    @TorchActor
    func run() async throws {
        InterruptFlag.install()
        let recipe = try Recipe(contentsOf: URL(fileURLWithPath: recipe), overrides: overrides)
        let folder = try RunFolder(URL(fileURLWithPath: out))
        let trainer = try Trainer(recipe: recipe, folder: folder)
        if trainer.step > 0 { Terminal.log("resuming \(out) after step \(trainer.step)") }
        let outcome = try trainer.run()
        if json {
            var result: JSONObject = JSONObject()
            result["outcome"] = .string(outcome == .finished ? "finished" : "interrupted")
            result["step"] = .integer(trainer.step)
            if let validation = trainer.lastValidation {
                result["loss"] = .array(validation.losses.map(JSONValue.finite))
                result["bitsPerByte"] = .array(validation.bitsPerByte.map(JSONValue.finite))
                result["acceptance"] = .array(validation.acceptance.map(JSONValue.finite))
            }
            print(try JSONValue.object(result).text())
        }
        if outcome == .interrupted {
            Terminal.log("interrupted after step \(trainer.step); the same command resumes")
            throw ExitCode(130)
        }
    }
}
