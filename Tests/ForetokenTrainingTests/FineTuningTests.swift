import ForetokenFiles
import ForetokenModel
import ForetokenText
import Foundation
import TestSupport
import Testing
import Torch

@testable import ForetokenTraining

private func values(_ model: MultiTokenModel) -> [String: [Float]] {
    Dictionary(uniqueKeysWithValues: model.parameters.map { ($0.name, $0.tensor.elements()) })
}

@Suite(.serialized) struct FineTuningTests {
    /// A short run of n heads, and what a recipe that starts from it says.
    private func pretrained(_ folder: TemporaryFolder, heads: Int, kind: HeadKind = .parallel) throws -> MultiTokenModel
    {
        let trainer = try Trainer(
            recipe: tinyRecipe(in: folder, steps: 4, heads: heads, kind: kind), folder: RunFolder(folder.file("base")))
        _ = try trainer.run()
        return trainer.model
    }

    private func recipe(_ folder: TemporaryFolder, _ overrides: [String], data: String = "train.tokens") throws
        -> Recipe
    {
        let yaml = """
            data:
              train: "\(folder.file(data).path)"
            start:
              from: "\(folder.file("base").path)"
            training:
              steps: 4
              batchSize: 2
              learningRate: 0.01
              checkpointEvery: 2
            """
        return try Recipe(yaml: yaml, file: "r.yaml", overrides: overrides)
    }

    /// The paper's arms (section 3.6) and new heads on a next-token model: the shape is the checkpoint's, and so are the weights.
    @Test(arguments: [(4, 4), (4, 1), (1, 1), (1, 4), (2, 3)])
    func aRunStartsFromACheckpointWithOtherHeads(arm: (before: Int, after: Int)) throws {
        let folder = try TemporaryFolder()
        let base = try pretrained(folder, heads: arm.before)
        let recipe = try recipe(folder, ["model.heads=\(arm.after)"])
        let trainer = try Trainer(recipe: recipe, folder: RunFolder(folder.file("run")))
        #expect(trainer.model.heads.count == arm.after)
        #expect(trainer.model.configuration.trunkLayers == base.configuration.trunkLayers)
        #expect(trainer.model.configuration.contextLength == base.configuration.contextLength)
        let known = values(base)
        for (name, value) in values(trainer.model) where known[name] != nil { #expect(value == known[name]) }
        #expect(try trainer.run() == .finished)
        // What it wrote is a recipe without gaps.
        let stored = try Recipe(contentsOf: folder.file("run/recipe.yaml"))
        #expect(stored.model.heads == arm.after && stored.model.width == 16)
        #expect(stored.configuration(for: ByteTokenizer()) == trainer.model.configuration)
    }

    /// The layer of a checkpoint in MiMo-7B's form learns with its norm, and comes back when the run resumes.
    @Test(arguments: [2, 3])
    func aRunStartsFromAPublicLayerForMultiTokenPrediction(heads: Int) throws {
        let folder = try TemporaryFolder()
        _ = try pretrained(folder, heads: 2, kind: .deepseek)
        _ = try Conversion.run(
            from: ModelFolder.locate(folder.file("base")), to: folder.file("mimo"), format: .mimo)
        let recipe = try recipe(folder, ["start.from=\(folder.file("mimo").path)", "model.heads=\(heads)"])
        // A run's folder is in use until its trainer is gone.
        func finish() throws -> (before: MultiTokenModel, after: MultiTokenModel) {
            let run = try RunFolder(folder.file("run"))
            let trainer = try Trainer(recipe: recipe, folder: run)
            let before = try MultiTokenModel(reading: trainer.model)
            #expect(try trainer.run() == .finished)
            return (before, trainer.model)
        }
        let (before, after) = try finish()
        #expect(after.configuration.headKind == .deepseek && after.configuration.finalNorm == .replicated)
        let start = values(before)
        for (name, value) in values(after) { #expect(value != start[name], "\(name) has not learnt") }
        let resumed = try finish().before
        #expect(resumed.configuration == after.configuration && values(resumed) == values(after))
    }

    /// Chat template, generation settings, ends of text and the declared type, in every checkpoint, also after the base is gone.
    @Test func theBasesMetadataSurvives() throws {
        let folder = try TemporaryFolder()
        _ = try pretrained(folder, heads: 1)
        let base = try ModelFolder.locate(folder.file("base"))
        let files = [
            "chat_template.jinja": "{{ messages }}", "additional_chat_templates/tool.jinja": "{{ tools }}",
            "generation_config.json": #"{"eos_token_id": [257, 65], "temperature": 0.5}"#,
            "tokenizer_config.json": #"{"eos_token": "<|end_of_text|>", "pad_token": "<|end_of_text|>"}"#,
        ]
        for (name, text) in files {
            let file = base.appendingPathComponent(name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        let config = base.appendingPathComponent("config.json")
        var object = try JSONNode(contentsOf: config).object()
        (object["torch_dtype"], object["dtype"]) = ("bfloat16", nil)
        try JSONValue.object(object).write(to: config)
        let recipe = try recipe(folder, ["model.heads=2", "start.newHeads=fresh"])
        do {
            let trainer = try Trainer(recipe: recipe, folder: RunFolder(folder.file("run")))
            #expect(try trainer.run { if $0 == 2 { InterruptFlag.raise() } } == .interrupted)
            InterruptFlag.reset()
        }
        try FileManager.default.removeItem(at: folder.file("base"))
        for isResumed in [false, true] {
            if isResumed { _ = try Trainer(recipe: recipe, folder: RunFolder(folder.file("run"))).run() }
            let checkpoint = try ModelFolder.locate(folder.file("run"))
            for (name, text) in files {
                let written = try String(contentsOf: checkpoint.appendingPathComponent(name), encoding: .utf8)
                #expect(written == text, "\(name)")
            }
            let configuration = try ModelFolder.configuration(of: checkpoint)
            #expect(configuration.endTokens == [257, 65] && configuration.tokenRoles.padding == 257)
            let written = try JSONNode(contentsOf: checkpoint.appendingPathComponent("config.json"))
            #expect(try written["torch_dtype"].string() == "bfloat16" && written["pad_token_id"].integer() == 257)
            #expect(try written["eos_token_id"].array().map { try $0.integer() } == [257, 65])
        }
    }

    @Test func withoutKeysTheHeadsAreTheCheckpoints() throws {
        let folder = try TemporaryFolder()
        let base = try pretrained(folder, heads: 2, kind: .deepseek)
        let trainer = try Trainer(recipe: recipe(folder, []), folder: RunFolder(folder.file("run")))
        #expect(trainer.model.configuration == base.configuration)
        #expect(values(trainer.model) == values(base))
    }

    /// New heads of every kind on a frozen next-token model: head 1 stays bitwise, and the run resumes when the base is gone.
    @Test(arguments: HeadKind.allCases.filter { $0 != .anticausal })
    func newHeadsLearnOnAFrozenModelAndResume(kind: HeadKind) throws {
        let folder = try TemporaryFolder()
        let base = try pretrained(folder, heads: 1)
        let tokens = Tensor((0..<12).map { Int64($0 * 5) }, shape: [1, 12])
        let before: [Float] = withoutGradient { base.allLogits(tokens)[0].elements() }
        let recipe = try recipe(
            folder, ["model.heads=3", "model.headKind=\(kind)", "training.freezeTrunk=true", "start.newHeads=fresh"])
        do {
            let trainer = try Trainer(recipe: recipe, folder: RunFolder(folder.file("run")))
            #expect(try trainer.run { if $0 == 2 { InterruptFlag.raise() } } == .interrupted)
            InterruptFlag.reset()
        }
        let whole = try Trainer(recipe: recipe, folder: RunFolder(folder.file("whole")))
        _ = try whole.run()
        try FileManager.default.removeItem(at: folder.file("base"))
        let resumed = try Trainer(recipe: recipe, folder: RunFolder(folder.file("run")))
        #expect(resumed.step == 2)
        #expect(try resumed.run() == .finished)
        #expect(values(resumed.model) == values(whole.model))
        let after: [Float] = withoutGradient { resumed.model.allLogits(tokens)[0].elements() }
        #expect(after == before)
    }

    /// What is trained on may be shorter than what the model reads, which stays the base's; a resumed run takes it over.
    @Test func theModelKeepsItsContextWhereSequencesAreShorter() throws {
        let folder = try TemporaryFolder()
        let base = try pretrained(folder, heads: 2)
        let recipe = try recipe(folder, ["training.sequenceLength=6"])
        do {
            let trainer = try Trainer(recipe: recipe, folder: RunFolder(folder.file("run")))
            #expect(trainer.model.configuration.contextLength == base.configuration.contextLength)
            #expect(try trainer.run { if $0 == 2 { InterruptFlag.raise() } } == .interrupted)
            InterruptFlag.reset()
        }
        let whole = try Trainer(recipe: recipe, folder: RunFolder(folder.file("whole")))
        _ = try whole.run()
        let resumed = try Trainer(recipe: recipe, folder: RunFolder(folder.file("run")))
        #expect(try resumed.run() == .finished)
        #expect(values(resumed.model) == values(whole.model))
        #expect(try Recipe(contentsOf: folder.file("run/recipe.yaml")).sequenceLength == 6)
        #expect(throws: RecipeError.self) {
            try Trainer(
                recipe: self.recipe(folder, ["training.sequenceLength=17"]), folder: RunFolder(folder.file("long")))
        }
    }

    @Test func aLengthIsChosenThatFitsTheMemory() throws {
        let base = ModelConfiguration(
            vocabulary: 128, width: 64, layers: 4, attentionHeads: 4, heads: 2, contextLength: 131_072)
        func chosen(memory: Int?, _ overrides: [String] = [], context: Int = 131_072) throws -> (Int, Bool) {
            var base = base
            base.contextLength = context
            var recipe = try Recipe(
                yaml: "{ data: { train: x }, start: { from: y }, training: { steps: 1 } }", file: "r.yaml",
                overrides: overrides)
            let configuration = try recipe.adoptShape(ofCheckpoint: base)
            let isChosen = try recipe.chooseSequenceLength(for: configuration, memory: memory)
            // A length that the recipe names is checked when the run starts.
            if let memory, overrides.isEmpty, recipe.sequenceLength > 64 {
                #expect(try MemoryEstimate(recipe, configuration: configuration).peak <= memory)
            }
            #expect(configuration.contextLength == (overrides.isEmpty ? context : configuration.contextLength))
            return (recipe.sequenceLength, isChosen)
        }
        #expect(try chosen(memory: nil) == (2048, true))
        #expect(try chosen(memory: 1 << 40) == (2048, true))
        let small = try chosen(memory: 60 << 20)
        #expect(small.0 < 2048 && small.0.nonzeroBitCount == 1 && small.1)
        #expect(try chosen(memory: 1) == (64, true))
        #expect(try chosen(memory: nil, context: 1000) == (1000, false))
        #expect(try chosen(memory: 60 << 20, context: 1500).0 < 1500)
        #expect(try chosen(memory: 1, ["training.sequenceLength=300"]) == (300, false))
        #expect(try chosen(memory: 1, ["model.contextLength=96"]) == (96, false))
        #expect(throws: RecipeError.self) { try chosen(memory: 1, ["training.sequenceLength=1001"], context: 1000) }
    }

    @Test func examplesAreLearntFromJSONLines() throws {
        let folder = try TemporaryFolder()
        _ = try pretrained(folder, heads: 2)
        let lines = (0..<40).map { "{\"prompt\": \"\($0 % 7)?\", \"completion\": \" seven!\"}" }
        try Data(lines.joined(separator: "\n").utf8).write(to: folder.file("sft.jsonl"))
        let recipe = try recipe(
            folder,
            [
                "training.steps=60", "data.validation=\(folder.file("sft.jsonl").path)",
                "training.headLearningRate=0.02",
            ],
            data: "sft.jsonl")
        let trainer = try Trainer(recipe: recipe, folder: RunFolder(folder.file("run")))
        _ = try trainer.run()
        // Every completion is the same, and only they count.
        #expect(try #require(trainer.lastValidation).losses.allSatisfy { $0 < 0.3 })
    }

    @Test func contradictionsAndForeignCheckpointsAreRefused() throws {
        let folder = try TemporaryFolder()
        _ = try pretrained(folder, heads: 2)
        func sentence(_ overrides: [String]) -> String {
            let error = #expect(throws: (any Error).self) {
                try Trainer(
                    recipe: recipe(folder, overrides), folder: RunFolder(folder.file("x-\(overrides.hashValue)")))
            }
            return error.map { "\($0)" } ?? ""
        }
        #expect(sentence(["model.width=32"]).contains("model.width: 32 differs from the checkpoint"))
        #expect(sentence(["model.layers=9"]).contains("model.layers"))
        #expect(sentence(["model.headKind=anticausal"]).contains("depends on the others"))
        #expect(sentence(["start.from=/nowhere"]).contains("/nowhere"))
        #expect(sentence(["training.headWeights=[1, 1, 1]"]).contains("must be 2 numbers"))
        #expect(sentence(["start.fro=x"]).contains("did you mean 'from'"))
        #expect(sentence(["start.newHeads=copy"]).contains("one of copied, fresh"))
    }
}
