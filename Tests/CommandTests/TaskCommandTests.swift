import ForetokenFiles
import Foundation
import Testing
import Torch

/// The synthetic tasks as a user meets them: data, training, answers.
struct TaskCommandTests {
    private func object(_ result: Command.Result) throws -> JSONNode {
        #expect(result.code == 0, "\(result.errors)")
        let line = result.output.split(separator: "\n").last.map(String.init) ?? ""
        return JSONNode(try JSONValue(parsing: line, file: "output"), file: "output")
    }

    @Test func aTaskGoesFromDataToAccuracyAndItsAnswersAreKept() throws {
        let place = try Workplace()
        let data = try object(
            Command.run(
                "evaluate", "arithmetic", "--write-data", place.path("task"), "--modulus", "3", "--degree", "2",
                "--operations", "2", "--documents", "400", "--questions", "15", "--json"))
        #expect(try data["documents"].integer() == 400 && data["questions"].integer() == 60)
        let recipe = """
            data: { train: "\(place.path("task/train.tokens"))", validation: "\(place.path("task/validation.tokens"))" }
            model: { width: 16, layers: 3, attentionHeads: 2, feedForwardWidth: 32, heads: 2, contextLength: 48, documentMask: true }
            training: { steps: 3, batchSize: 2, checkpointEvery: 0, validationEvery: 0, validationBatches: 1 }
            """
        try Data(recipe.utf8).write(to: URL(fileURLWithPath: place.path("task.yaml")))
        let trained = try Command.run("train", place.path("task.yaml"), "--out", place.path("run"))
        #expect(trained.code == 0, "\(trained.errors)")

        // The folder of the data is known from the run's recipe.
        let first = try Command.run("evaluate", "arithmetic", "--model", place.path("run"), "--json")
        let result = try object(first)
        #expect(try result["operations"].array().map { try $0["operations"].integer() } == [1, 2, 3, 4])
        #expect(try result["outOfDomain"]["questions"].integer() == 30)
        #expect((0...1).contains(try result["inDomain"]["accuracy"].double()))
        let out = place.path("answers.jsonl")
        for _ in 0..<2 {
            let again = try Command.run(
                "evaluate", "arithmetic", "--model", place.path("run"), "--data", place.path("task"), "--out", out,
                "--json")
            #expect(again.output == first.output)
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: out)).count { $0 == 0x0A } == 60)
        // Half the file, and the same again.
        let whole = try Data(contentsOf: URL(fileURLWithPath: out))
        try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: out))
        _ = try Command.run("evaluate", "arithmetic", "--model", place.path("run"), "--out", out)
        #expect(try Data(contentsOf: URL(fileURLWithPath: out)) == whole)
        // Another model's answers are not these.
        let other = try Command.run(
            "evaluate", "arithmetic", "--model", place.path("run"), "--weights", "int8", "--out", out)
        #expect(other.code == 1 && other.errors.contains("answers.jsonl: line 1"), "\(other.errors)")
    }

    @Test func dataOfAnotherTokenizerOrNoneAndLongQuestionsAreSaidBeforeTheFirstToken() throws {
        let place = try Workplace()
        let recipe = try place.recipe(steps: 1)
        #expect(try Command.run("train", recipe, "--out", place.path("run")).code == 0)
        func test(_ data: String?) throws -> Command.Result {
            try Command.run(
                ["evaluate", "induction", "--model", place.path("run")]
                    + (data.map { ["--data", place.path($0)] } ?? []))
        }
        #expect(try test(nil).errors.contains("test.jsonl: no such file"))
        for (name, options, message) in [
            ("bpe", ["--vocabulary", "700"], "tokenizer"), ("bytes", [], "the model's context of 64"),
        ] {
            let written = try Command.run(
                ["evaluate", "induction", "--write-data", place.path(name), "--documents", "20", "--stories", "2"]
                    + options)
            #expect(written.code == 0, "\(written.errors)")
            let result = try test(name)
            #expect(result.code == 1 && result.errors.contains(message), "\(result.errors)")
        }
    }

    @Test(arguments: [
        "", "--write-data x --model y", "--write-data x --out y", "--write-data x --documents 0",
        "--model x --threads 0",
    ])
    func optionsThatDoNotGoTogetherAreBadUsage(options: String) throws {
        for task in ["arithmetic", "induction"] {
            #expect(try Command.run(["evaluate", task] + options.split(separator: " ").map(String.init)).code == 64)
        }
    }

    @Test func settingsWithoutSenseNameTheirOption() throws {
        let place = try Workplace()
        for (options, name) in [
            (["arithmetic", "--modulus", "4"], "--modulus"), (["arithmetic", "--operations", "-1"], "--operations"),
            (["induction", "--stories", "0"], "--stories"), (["induction", "--tokenizer", "/no/such"], "/no/such"),
        ] {
            let result = try Command.run(["evaluate"] + options + ["--write-data", place.path("x")])
            #expect(result.code == 1 && result.errors.contains(name), "\(result.errors)")
            #expect(!FileManager.default.fileExists(atPath: place.path("x/train.tokens")))
        }
    }
}
