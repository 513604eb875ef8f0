import ForetokenReport
import ForetokenText
import Foundation
import Testing
import Torch

@Suite(.serialized) struct CommandTests {
    private let place: Workplace

    init() throws { place = try Workplace() }

    private var folder: URL { place.folder }
    private func path(_ name: String) -> String { place.path(name) }
    private func recipe(steps: Int) throws -> String { try place.recipe(steps: steps) }

    private func metrics(_ run: String) throws -> [String] {
        try String(contentsOfFile: path(run + "/metrics.jsonl"), encoding: .utf8).split(separator: "\n").map {
            var object = try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
            object["tokensPerSecond"] = nil
            object["peakBytes"] = nil
            return String(
                decoding: try JSONSerialization.data(withJSONObject: object, options: .sortedKeys), as: UTF8.self)
        }
    }

    @Test func aTokenizerTrainedOnTheTextStaysBesideShardsAndModel() throws {
        let recipe = try recipe(steps: 3)
        let prepared = try Command.run(
            "prepare", path("src"), "--out", path("data"), "--validation-fraction", "0.2", "--train-tokenizer",
            "bpe:270", "--json")
        #expect(prepared.code == 0, "\(prepared.errors)")
        #expect(prepared.output.contains("\"vocabulary\":270"))
        #expect(try Command.run("train", recipe, "--out", path("run")).code == 0)
        let tokenizer = try TokenizerFile.read(folder: folder.appendingPathComponent("data"))
        #expect(tokenizer.vocabularySize == 270)
        let copies = try FileManager.default.subpathsOfDirectory(atPath: path("run/checkpoints"))
            .filter { $0.hasSuffix(TokenizerFile.name) }
        #expect(!copies.isEmpty)
        let generated = try Command.run(
            "generate", "--model", path("run"), "--prompt", "def f", "--max-tokens", "5", "--json")
        #expect(generated.code == 0, "\(generated.errors)")
        let data = path("data/validation.tokens")
        #expect(try Command.run("evaluate", "loss", "--model", path("run"), "--data", data).code == 0)

        // The same shards again by the file.
        let again = try Command.run(
            "prepare", path("src"), "--out", path("again"), "--validation-fraction", "0.2", "--tokenizer",
            path("data/tokenizer.json"))
        #expect(again.code == 0, "\(again.errors)")
        #expect(
            try Data(contentsOf: folder.appendingPathComponent("again/train.tokens"))
                == Data(contentsOf: folder.appendingPathComponent("data/train.tokens")))

        // Another tokenizer beside the model or the shards is refused by name.
        for copy in copies { try FileManager.default.removeItem(atPath: path("run/checkpoints/\(copy)")) }
        let missing = try Command.run("generate", "--model", path("run"), "--prompt", "x")
        #expect(missing.code == 1 && missing.errors.contains("tokenizer 'bpe-270' is required"), "\(missing.errors)")
        try FileManager.default.removeItem(atPath: path("data/tokenizer.json"))
        let other = try Command.run("train", recipe, "--out", path("other"))
        #expect(other.code == 1 && other.errors.contains("made with tokenizer 'bpe-270'"), "\(other.errors)")
        for (arguments, message) in [
            (["--train-tokenizer", "bpe:12"], "258"), (["--tokenizer", path("nowhere.json")], "nowhere.json"),
            (["--tokenizer", path("recipe.yaml")], "recipe.yaml:1:1: not valid JSON"),
        ] {
            let refused = try Command.run(["prepare", path("src"), "--out", path("x")] + arguments)
            #expect(refused.code == 1 && refused.errors.contains(message), "\(refused.errors)")
        }
        #expect(
            try Command.run("prepare", path("src"), "--out", path("x"), "--train-tokenizer", "wordpiece:5").code == 64)
    }

    /// A plain model writes its own continuations; heads learn them on the frozen model; the text stays as it was.
    @Test func aPlainModelGetsHeadsAndSaysTheSame() throws {
        let recipe = try recipe(steps: 20)
        let plain = ["--set", "model.heads=1", "--set", "model.trunkLayers=2", "--set", "model.layers=null"]
        // Out of time at once, and then on from there.
        let late = try Command.run(["train", recipe, "--out", path("plain"), "--stop-after", "0", "--json"] + plain)
        #expect(late.code == 0 && late.output.contains("\"out of time\""), "\(late.errors)")
        #expect(try Command.run(["train", recipe, "--out", path("plain")] + plain).code == 0)
        let prompts = (0..<8).map { "{\"prompt\": \"def f\($0)\"}" }.joined(separator: "\n")
        try Data(prompts.utf8).write(to: folder.appendingPathComponent("prompts.jsonl"))
        let written = try Command.run(
            "generate", "--model", path("plain"), "--prompts", path("prompts.jsonl"), "--out", path("own.jsonl"),
            "--max-tokens", "24")
        #expect(written.code == 0, "\(written.errors)")
        let upgrade = """
            start: { from: "\(path("plain"))" }
            data: { train: "\(path("own.jsonl"))" }
            model: { heads: 3, headKind: deepseek }
            training: { steps: 20, batchSize: 2, freezeTrunk: true, learningRate: 0.01, validationEvery: 0, checkpointEvery: 0 }
            """
        try Data(upgrade.utf8).write(to: folder.appendingPathComponent("upgrade.yaml"))
        let trained = try Command.run("train", path("upgrade.yaml"), "--out", path("faster"))
        #expect(trained.code == 0, "\(trained.errors)")
        #expect(trained.errors.contains("head 1 taken over, heads 2 to 3 copied from head 1"), "\(trained.errors)")
        func text(_ run: String) throws -> String {
            let result = try Command.run(
                "generate", "--model", path(run), "--prompt", "def f", "--max-tokens", "30", "--temperature", "0.7",
                "--seed",
                "3")
            #expect(result.code == 0, "\(result.errors)")
            return result.output
        }
        #expect(try text("faster") == text("plain"))
        let inspected = try Command.run("inspect", path("faster"))
        #expect(inspected.output.contains("next-token decoding runs 3 of 5"), "\(inspected.output)")
    }

    @Test func fromSourceFilesToTextWithBothWaysOfDecoding() throws {
        let recipe = try recipe(steps: 12)
        let trained = try Command.run("train", recipe, "--out", path("run"), "--json")
        #expect(trained.code == 0, "\(trained.errors)")
        #expect(trained.output.contains("\"finished\""))
        var texts: [String] = []
        for way in ["next-token", "speculative"] {
            for temperature in ["0", "0.8"] {
                let result = try Command.run(
                    "generate", "--model", path("run"), "--prompt", "def f", "--max-tokens", "30", "--decoding", way,
                    "--temperature", temperature, "--seed", "1", "--json")
                #expect(result.code == 0, "\(result.errors)")
                let last = try #require(result.output.split(separator: "\n").last)
                let object = try #require(try JSONSerialization.jsonObject(with: Data(last.utf8)) as? [String: Any])
                for key in [
                    "tokens", "forwards", "tokensPerForward", "acceptedPerPosition", "tokensPerSecond", "stopReason",
                ] {
                    #expect(object[key] != nil, "\(key)")
                }
                texts.append(try #require(object["text"] as? String))
            }
        }
        #expect(texts[0] == texts[2])
        #expect(texts[1] == texts[3])
        #expect(
            try Command.run("evaluate", "loss", "--model", path("run"), "--data", path("data/validation.tokens")).code
                == 0)
        let compared = try Command.run(
            "evaluate", "decoding", "--model", path("run"), "--data", path("data/validation.tokens"), "--prompt-tokens",
            "9",
            "--max-tokens", "20")
        #expect(compared.output.contains("outputs identical"))
        #expect(try Command.run("inspect", path("run")).output.contains("lm_head.weight"))
    }

    @Test func sourcesAreMixedMeasuredOneByOneAndShown() throws {
        let recipe = try recipe(steps: 6)
        for index in 0..<40 {
            try Data("The \(index). line of prose.\n".utf8).write(to: folder.appendingPathComponent("src/\(index).txt"))
        }
        let prepared = try Command.run(
            "prepare", path("src"), "--include", "*.txt", "--out", path("prose"), "--validation-fraction", "0.2",
            "--json")
        #expect(prepared.code == 0 && prepared.output.contains("\"skippedByReason\":{}"), "\(prepared.errors)")
        let (code, prose) = (path("data/train.tokens"), path("prose/train.tokens"))
        let sources = "data.sources=[{path: '\(code)', weight: 3}, {path: '\(prose)'}]"
        let trained = try Command.run("train", recipe, "--out", path("run"), "--set", "data.train=''", "--set", sources)
        #expect(trained.code == 0, "\(trained.errors)")
        let measured = try Command.run(
            "evaluate", "loss", "--model", path("run"), "--data", path("data/validation.tokens"), "--data",
            path("prose/validation.tokens"))
        #expect(measured.code == 0 && measured.output.split(separator: "\n").count == 5, "\(measured.errors)")
        let recipeShown = try Command.run("inspect", path("run/recipe.yaml"))
        #expect(recipeShown.output.contains("75.0%") && recipeShown.output.contains("25.0%"), "\(recipeShown.errors)")
        let shown = try Command.run("inspect", path("prose/train.tokens"), "--document", "0")
        #expect(shown.output.contains("documents") && shown.output.contains("document 0 begins:\nThe "))
        let object = try Command.run("inspect", path("prose/train.tokens"), "--json")
        #expect(object.output.contains("\"emptyDocuments\":0") && object.output.contains("line of prose."))
        let none = try Command.run("inspect", path("prose/train.tokens"), "--document", "999")
        #expect(none.code == 1 && none.errors.contains("there is no document 999"))
        try FileManager.default.removeItem(atPath: path("prose/tokenizer.json"))
        try Data("{}".utf8).write(to: folder.appendingPathComponent("prose/tokenizer.json"))
        #expect(try Command.run("inspect", path("prose/train.tokens")).output.contains("no text can be shown"))
    }

    /// SIGKILL at several instants; the shards are those of a preparation that never was.
    @Test func aPreparationKilledAtAnyInstantGoesOnToTheSameShards() throws {
        let text = (0..<40_000).map { number in
            #"{"id": \#(number), "text": "\#(String(repeating: "word \(number) ", count: 40))"}"# + "\n"
        }.joined()
        try Data(text.utf8).write(to: folder.appendingPathComponent("large.jsonl"))
        let arguments = ["prepare", path("src"), path("large.jsonl"), "--field", "text", "--workers", "1"]
        #expect(try Command.run(arguments + ["--out", path("whole")]).code == 0)
        for delay in [0.1, 0.2, 0.25, 0.3] {
            let process = try Command.start(
                arguments + ["--out", path("killed")], output: URL(fileURLWithPath: path("o")),
                errors: URL(fileURLWithPath: path("e")))
            Thread.sleep(forTimeInterval: delay)
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        let last = try Command.run(arguments + ["--out", path("killed")])
        #expect(last.code == 0, "\(last.errors)")
        for name in ["train.tokens", "validation.tokens"] {
            let (killed, whole) = (path("killed/" + name), path("whole/" + name))
            #expect(FileManager.default.contentsEqual(atPath: killed, andPath: whole))
        }
        #expect(!FileManager.default.fileExists(atPath: path("killed/.prepare")))
    }

    /// SIGKILL at several instants, in checkpoint writes, in checkpoint writes too; the resumed run's metrics and weights are those of a whole one.
    @Test func aRunKilledAtAnyInstantAndResumedIsBitwiseTheWholeRun() throws {
        let recipe = try recipe(steps: 150)
        #expect(try Command.run("train", recipe, "--out", path("whole")).code == 0)
        let expected = try Data(
            contentsOf: folder.appendingPathComponent("whole/checkpoints/step-000150/model.safetensors"))
        var kills = 0
        for delay in [0.05, 0.15, 0.25, 0.3, 0.35, 0.4] {
            let process = try Command.start(
                ["train", recipe, "--out", path("killed")], output: URL(fileURLWithPath: path("o")),
                errors: URL(fileURLWithPath: path("e")))
            Thread.sleep(forTimeInterval: delay)
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            if process.terminationReason == .uncaughtSignal { kills += 1 }
        }
        #expect(kills > 0)
        let resumed = try Command.run("train", recipe, "--out", path("killed"))
        #expect(resumed.code == 0, "\(resumed.errors)")
        let model = folder.appendingPathComponent("killed/checkpoints/step-000150/model.safetensors")
        #expect(try Data(contentsOf: model) == expected)
        #expect(try metrics("killed") == metrics("whole"))
    }

    @Test(arguments: [SIGINT, SIGTERM])
    func aSignalSavesAndExitsWith130(signal: Int32) throws {
        let recipe = try recipe(steps: 1_000_000)
        let errors = URL(fileURLWithPath: path("e"))
        let process = try Command.start(
            ["train", recipe, "--out", path("run")], output: URL(fileURLWithPath: path("o")), errors: errors)
        let metrics = path("run/metrics.jsonl")
        while process.isRunning, ((try? String(contentsOfFile: metrics, encoding: .utf8))?.count ?? 0) < 300 {
            Thread.sleep(forTimeInterval: 0.02)
        }
        // While it trains, the folder is taken.
        let second = try Command.run("train", recipe, "--out", path("run"))
        #expect(second.code == 1)
        #expect(second.errors.contains("in use by process \(process.processIdentifier)"))
        kill(process.processIdentifier, signal)
        process.waitUntilExit()
        #expect(process.terminationStatus == 130)
        #expect(try String(contentsOf: errors, encoding: .utf8).contains("the same command resumes"))
        #expect(FileManager.default.fileExists(atPath: path("run/latest")))
    }

    @Test func aRunLeavesAReportAndEventsAndRunsAreShownSideBySide() throws {
        let recipe = try recipe(steps: 12)
        for (name, rate) in [("one", "0.01"), ("two", "0.02")] {
            let trained = try Command.run(
                "train", recipe, "--out", path(name), "--set", "training.learningRate=\(rate)")
            #expect(trained.code == 0, "\(trained.errors)")
            let files = try FileManager.default.contentsOfDirectory(atPath: path(name))
            #expect(files.filter { $0.contains("tfevents") }.count == 1)
            let page = try String(contentsOfFile: path(name + "/report.html"), encoding: .utf8)
            #expect(page.contains("training head 2") && page.contains("learningRate: \(rate)"))
        }
        let measured = try Command.run(
            "evaluate", "decoding", "--by-heads", "--model", path("one"), "--data", path("data/validation.tokens"),
            "--prompt-tokens", "9", "--max-tokens", "20")
        #expect(measured.code == 0, "\(measured.errors)")
        #expect(measured.output.split(separator: "\n").count == 3)  // the header, one head, two heads
        #expect(measured.output.contains("1.00x"))
        #expect(try String(contentsOfFile: path("one/report.html"), encoding: .utf8).contains("Decoding speed"))
        let compared = try Command.run("report", path("one"), path("two"), "--out", path("compared.html"))
        #expect(compared.code == 0, "\(compared.errors)")
        let page = try String(contentsOfFile: path("compared.html"), encoding: .utf8)
        #expect(page.contains("Loss of head 2") && page.contains("<mark>  learningRate: 0.02</mark>"))

        func fails(_ code: Int32, _ words: String, _ arguments: String...) throws {
            let process = try Command.start(
                ["report"] + arguments, output: URL(fileURLWithPath: path("o")), errors: URL(fileURLWithPath: path("e"))
            )
            process.waitUntilExit()
            let errors = try String(contentsOfFile: path("e"), encoding: .utf8)
            #expect(process.terminationStatus == code && errors.contains(words), "\(errors)")
        }
        try fails(64, "several runs need --out", path("one"), path("two"))
        try fails(1, "no such run folder", path("three"))
        try fails(1, "no metrics.jsonl", path("data"))
        try fails(1, "the same run is given twice", path("one"), path("one/"), "--out", path("x.html"))
        try fails(1, "cannot write the report", path("one"), "--out", path("no/folder/x.html"))
        try fails(1, "use a name that ends in .html", path("one"), "--out", path("one/metrics.jsonl"))
    }

    @Test func badInputIsOneClearLineAndTheRightCode() throws {
        let recipe = try recipe(steps: 2)
        func fails(_ code: Int32, _ words: String, _ result: Command.Result) {
            #expect(result.code == code)
            #expect(result.errors.contains(words), "\(result.errors)")
        }
        fails(64, "Usage", try Command.run("train", "--nonsense"))
        fails(64, "Missing expected argument", try Command.run("prepare", "--out", path("x")))
        fails(1, "no such file or folder", try Command.run("prepare", path("nowhere"), "--out", path("x")))
        fails(1, "did you mean 'heads'", try Command.run("train", recipe, "--out", path("r"), "--set", "model.heds=3"))
        fails(
            1, "heads must be smaller", try Command.run("train", recipe, "--out", path("r"), "--set", "model.heads=4"))
        fails(1, "neither a run", try Command.run("generate", "--model", path("nowhere")))
        fails(
            1, "not a token shard",
            try Command.run("train", recipe, "--out", path("r"), "--set", "data.train=\(recipe)"))
        #expect(try Command.run("train", recipe, "--out", path("run")).code == 0)
        fails(
            1, "shorten it",
            try Command.run("generate", "--model", path("run"), "--prompt", String(repeating: "x", count: 64)))
        fails(1, "the model has 2 heads", try Command.run("generate", "--model", path("run"), "--heads", "3"))
        try Data(count: 100).write(to: folder.appendingPathComponent("run/checkpoints/step-000002/model.safetensors"))
        fails(1, "model.safetensors", try Command.run("generate", "--model", path("run")))
        for command in [[], ["prepare"], ["train"], ["generate"], ["evaluate"], ["inspect"], ["report"], ["study"]] {
            let process = try Command.start(
                command + ["--help"], output: URL(fileURLWithPath: path("o")), errors: URL(fileURLWithPath: path("e")))
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
        }
    }
}
