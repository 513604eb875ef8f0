import ForetokenModel
import Foundation
import Testing
import Torch

@Suite(.serialized) struct ConvertTests {
    /// Train, export head 1, and continue a prompt with what was exported.
    @Test func aTrainedModelBecomesAHuggingFaceFolderThatWritesTheSameText() throws {
        let work = try Workplace()
        let recipe = try work.recipe(steps: 6)
        #expect(try Command.run("train", recipe, "--out", work.path("run")).code == 0)
        let refused = try Command.run("convert", work.path("run"), work.path("hf"), "--to", "hf")
        #expect(refused.code == 1)
        #expect(refused.errors.contains("cannot hold head 2") && refused.errors.contains("--drop-heads"))
        let converted = try Command.run("convert", work.path("run"), work.path("hf"), "--to", "hf", "--drop-heads")
        #expect(converted.code == 0, "\(converted.errors)")
        #expect(converted.output.contains("left out: heads.2.mlp.up_proj.weight"))
        #expect(converted.output.contains("tokenizer.json"))
        func text(_ model: String) throws -> String {
            let arguments = [
                "generate", "--model", work.path(model), "--prompt", "def ", "--max-tokens", "40", "--json",
            ]
            let result = try Command.run(arguments)
            #expect(result.code == 0, "\(result.errors)")
            return try JSONNode(JSONValue(parsing: result.output, file: "output"), file: "output")["text"].string()
        }
        #expect(try text("hf") == text("run"))
        let back = try Command.run("convert", work.path("hf"), work.path("back"), "--to", "foretoken", "--json")
        #expect(back.code == 0, "\(back.errors)")
        #expect(back.output.contains("\"heads\":1"))
        #expect(try text("back") == text("run"))
        let inspected = try Command.run("inspect", work.path("hf"))
        #expect(inspected.output.contains("1 parallel heads on 2 trunk layers"), "\(inspected.output)")
    }

    @Test func wrongUseIsSaid() throws {
        let work = try Workplace()
        for (arguments, fragment) in [
            (["convert", "a", "b", "--to", "onnx"], "onnx"), (["convert", "a", "b"], "--to"),
            (["convert", "a", "b", "--to", "hf", "--heads", "0"], "--heads"),
            (["convert", "a", "b", "--to", "hf", "--shard-bytes", "-1"], "--shard-bytes"),
        ] {
            let result = try Command.run(arguments)
            #expect(result.code == 64 && result.errors.contains(fragment), "\(result.errors)")
        }
        let missing = try Command.run("convert", work.path("src"), work.path("out"), "--to", "hf")
        #expect(missing.code == 1 && missing.errors.contains("src"), "\(missing.errors)")
    }
}
