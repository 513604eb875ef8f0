import ForetokenFiles
import ForetokenModel
import ForetokenText
import Foundation
import TestSupport
import Testing

@testable import ForetokenTraining

private let good = """
    data:
      train: a.tokens
    model:
      layers: 6
      heads: 2
    training:
      steps: 10
    """

private func sentence(_ yaml: String, _ overrides: [String] = []) -> String {
    let error = #expect(throws: RecipeError.self) { try Recipe(yaml: yaml, file: "r.yaml", overrides: overrides) }
    return error?.description ?? ""
}

@Suite struct RecipeTests {
    @Test func valuesComeFromTheFileAndOverridesWin() throws {
        let recipe = try Recipe(yaml: good, file: "r.yaml", overrides: ["model.heads=3", "training.betas=[0.8, 0.9]"])
        #expect(recipe.model.layers == 6)
        #expect(recipe.model.heads == 3)
        #expect(recipe.training.betas == [0.8, 0.9])
        #expect(recipe.training.clip == 1)
    }

    /// Runs of 0.1 have 64 in their recipes, and studies compare recipes as text.
    @Test func theLogitsFollowTheDeviceAndAreAlwaysWritten() throws {
        for (overrides, expected) in [
            ([], 64), (["training.device=cuda"], 512), (["training.device=cuda:1", "memory.logitsMiB=100"], 100),
        ] {
            let recipe = try Recipe(yaml: good, file: "r.yaml", overrides: overrides)
            #expect(recipe.memory.logitsMiB == expected && recipe.yaml.contains("logitsMiB: \(expected)\n"))
        }
        #expect(Recipe().logitsMiB == 64 && Recipe().yaml.contains("logitsMiB: 64\n"))
        let stored = try Recipe(yaml: good + "\nmemory: { logitsMiB: 64 }\n", file: "r.yaml")
        #expect(try Recipe(yaml: good, file: "r.yaml").differingKeys(from: stored).isEmpty)
    }

    @Test func writingAndReadingGivesTheSameRecipe() throws {
        var recipe = try Recipe(yaml: good, file: "r.yaml")
        recipe.seed = .max
        recipe.data.train = "a \"quoted\" \\ path: #1.tokens"
        recipe.data.validation = "v.tokens"
        recipe.model.keyValueHeads = 2
        recipe.model.headKind = .linear
        recipe.model.unembedding = .replicated
        recipe.model.trunkLayers = 6
        recipe.model.layers = Recipe.Model().layers
        recipe.training.learningRate = 0.1 + 0.2
        recipe.training.headWeights = .list([1, 0.25])
        recipe.training.headLearningRate = 1e-3
        recipe.training.schedule = .wsd
        recipe.training.curriculum = .forward
        recipe.training.detachTrunk = true
        recipe.training.keepEvery = 4
        recipe.training.selfDistillationTopK = 16
        recipe.training.minutes = 2.5
        #expect(try Recipe(yaml: recipe.yaml, file: "x") == recipe)
    }

    @Test(arguments: [
        ("uniform", HeadWeights.uniform, [1, 1]), ("harmonic", .harmonic, [1, 0.5]),
        ("{decay: 0.5}", .decay(0.5), [1, 0.5]), ("[1, 0.25]", .list([1, 0.25]), [1, 0.25]),
        (
            "[{step: 0, weights: [1, 0]}, {step: 8, weights: uniform}]",
            .points([.init(step: 0, weights: .list([1, 0])), .init(step: 8, weights: .uniform)]), [1, 0.5]
        ),
    ])
    func headWeightsComeInEveryForm(text: String, weights: HeadWeights, atFour: [Double]) throws {
        let recipe = try Recipe(yaml: good, file: "r.yaml", overrides: ["training.headWeights=\(text)"])
        #expect(recipe.training.headWeights == weights)
        #expect(recipe.headWeights(at: 4, of: 10) == atFour)
        #expect(try Recipe(yaml: recipe.yaml, file: "x") == recipe)
    }

    @Test func aTrunkOfItsOwnSizeKeepsItsBlocks() throws {
        for (kind, total) in [("parallel", 9), ("linear", 7), ("deepseek", 9)] {
            let recipe = try Recipe(
                yaml: good, file: "r.yaml",
                overrides: ["model.layers=null", "model.trunkLayers=7", "model.headKind=\(kind)"])
            #expect(recipe.totalLayers == total)
            #expect(recipe.configuration(for: ByteTokenizer()).trunkLayers == 7)
        }
    }

    @Test func sourcesAreMixedByWeightAndMistakesAreNamed() throws {
        let mixed = good.replacing(
            "  train: a.tokens", with: "  sources:\n  - path: a.tokens\n    weight: 2.5\n  - { path: b.tokens }")
        let recipe = try Recipe(yaml: mixed, file: "r.yaml")
        #expect(recipe.data.sources == [.init(path: "a.tokens", weight: 2.5), .init(path: "b.tokens", weight: 1)])
        #expect(try Recipe(yaml: recipe.yaml, file: "x") == recipe)
        #expect(
            try Recipe(yaml: mixed, file: "r.yaml", overrides: ["data.sources=null", "data.train=c"]).data.mixture.count
                == 1)
        for (override, words) in [
            ("data.train=c", "either sources or train"), ("data.sources=3", "a list of sections"),
            ("data.sources=[3]", "a list of sections"),
            ("data.sources=[{path: a, wieght: 2}]", "did you mean 'weight'?"),
            ("data.sources=[{weight: 2}]", "missing"), ("data.sources=[{path: a, weight: 0}]", "weight 0.0"),
            ("data.sources=[{path: a}, {path: b, weight: 0.00001}]", "smallest share, 1 in 65536"),
            ("data.sources=[{path: a, weight: 1.0e308}, {path: b, weight: 1.0e308}]", "smallest share"),
            ("data.sources=[{path: a, weight: x}]", "expected a number"),
        ] {
            #expect(sentence(mixed, [override]).contains(words), "\(override)")
        }
    }

    @Test func unknownKeysNameThePlaceAndTheNearestKey() {
        #expect(sentence(good + "\nmodell: 1") == "r.yaml:8: modell: unknown key; did you mean 'model'?")
        #expect(sentence("model:\n  heds: 2") == "r.yaml:2: model.heds: unknown key; did you mean 'heads'?")
        #expect(
            sentence("training:\n  width: 2")
                == "r.yaml:2: training.width: unknown key; did you mean 'model.width'?")
        #expect(sentence("heads: 2") == "r.yaml:1: heads: unknown key; did you mean 'model.heads'?")
        #expect(
            sentence(good, ["training.stepz=3"])
                == "--set training.stepz=3: training.stepz: unknown key; did you mean 'steps'?")
        #expect(sentence("data:\n  zzzzzzzz: 2") == "r.yaml:2: data.zzzzzzzz: unknown key")
    }

    @Test func wrongTypesSayWhatWasExpected() {
        #expect(sentence("model:\n  heads: four").contains("model.heads: expected a whole number, found 'four'"))
        #expect(sentence("model: 3").contains("expected a section of keys"))
        #expect(sentence("training:\n  betas: 1").contains("a list of numbers"))
        #expect(sentence("model:\n  tieEmbeddings: maybe").contains("true or false"))
        #expect(
            sentence("model:\n  tieEmbeddings: \"true\"")
                == "r.yaml:2: model.tieEmbeddings: expected true or false without quotes, found the text \"true\"")
        #expect(sentence("model:\n  heads: '4'").contains("a whole number without quotes, found the text \"4\""))
        #expect(sentence("training:\n  steps: 1e5").contains("training.steps: expected a whole number, found '1e5'"))
        #expect(sentence("- 1\n- 2").contains("found a list"))
        #expect(sentence("a: [1").contains("not valid YAML"))
        #expect(sentence("", ["nonsense"]).contains("expected section.key=value"))
    }

    @Test(arguments: [
        ("model.heads=6", "heads must be smaller"), ("model.width=30", "not divisible by attentionHeads"),
        ("model.headDimension=3", "even"), ("model.keyValueHeads=3", "not a multiple"), ("model.layers=0", "outside 1"),
        ("training.steps=0", "outside 1"), ("training.warmUpSteps=10", "not below steps"),
        ("training.batchSize=0", "outside 1"),
        ("training.learningRate=0", "above 0 and below 10"), ("training.headWeights=[1]", "one a head"),
        ("model.headKind=casual", "did you mean 'causal'?"), ("training.objective=folded", "joint, sequential, fused"),
        ("model.trunkLayers=3", "give one of the two"), ("training.headWeights=many", "uniform, harmonic"),
        ("training.headWeights=[1, x]", "uniform, harmonic"), ("training.headWeights=[0, 0]", "not all 0"),
        ("training.headWeights={decay: 2}", "at most 1"), ("training.headWeights={dekay: 2}", "did you mean 'decay'"),
        ("training.headWeights=[{step: 3, weights: uniform}]", "two steps or more"),
        ("training.headWeights=[{step: 3, weights: uniform}, {step: 2, weights: harmonic}]", "later than"),
        ("training.curriculum=onward", "none, forward, reverse"), ("training.headLearningRate=0", "above 0"),
        ("training.decayFraction=0", "above 0"), ("training.keepEvery=-1", "outside 0"),
        ("training.softTargets=-1", "training.selfDistillationTopK: -1 is outside 0"),
        ("training.schedule=wsb", "'wsd'"), ("training.freezTrunk=true", "did you mean 'freezeTrunk'"),
        ("model.slidingWindow=128", "not supported yet"), ("training.betas=[1, 2]", "below 1"),
        ("training.steps=null", "missing"),
        ("data.train=''", "foretoken prepare"), ("memory.logitsMiB=0", "outside 1"),
    ])
    func impossibleValuesAreRefused(override: (String, String)) {
        #expect(sentence(good, [override.0]).contains(override.1))
    }

    @Test func whatCannotBeLearntTogetherIsRefused() {
        #expect(sentence(good, ["training.freezeTrunk=true", "model.heads=1"]).contains("nothing is left to learn"))
        #expect(
            sentence(good, ["training.freezeTrunk=true", "training.curriculum=reverse"]).contains("a curriculum has"))
        #expect(sentence(good, ["training.freezeTrunk=true", "training.headWeights=[1, 0]"]).contains("heads 2…n"))
        #expect(
            sentence(good, ["training.curriculum=forward", "training.headWeights=[0, 1]"]).contains("head 1 alone"))
        for key in ["detachTrunk", "freezeTrunk"] {
            #expect(
                sentence(good, ["training.\(key)=true", "model.headKind=anticausal"]).contains("stand between"))
        }
    }

    @Test func textsMadeToExhaustTheParserAreRefused() {
        for bomb in [
            String(repeating: "[", count: 1 << 20), String(repeating: "- ", count: 1 << 19),
            String(repeating: "? ", count: 1 << 19), String(repeating: "{a: ", count: 1 << 18),
            "a: &a [x, x]\n" + (0..<20).map { "b\($0): [*a, *a]\n" }.joined(),
        ] {
            #expect(sentence(bomb).contains("than any recipe has"))
        }
    }

    @Test func filesThatAreNoRecipesAreRefused() throws {
        let folder = try TemporaryFolder()
        for (name, data) in [("huge", Data(repeating: 0x20, count: 2 << 20)), ("binary", Data([0xFF, 0xFE, 0]))] {
            try data.write(to: folder.file(name))
            #expect(throws: RecipeError.self) { try Recipe(contentsOf: folder.file(name)) }
        }
        #expect(throws: RecipeError.self) { try Recipe(contentsOf: folder.file("none")) }
    }

    @Test func differencesAreNamedByKey() throws {
        let recipe = try Recipe(yaml: good, file: "r.yaml")
        var other = recipe
        other.model.width = 512
        other.seed = 4
        #expect(recipe.differingKeys(from: other) == ["seed", "model.width"])
    }

    @Test func theDemosRecipeIsGood() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        #expect(throws: Never.self) { try Recipe(contentsOf: root.appendingPathComponent("Recipes/demo.yaml")) }
    }
}

@Suite struct RunFolderTests {
    @Test func onlyOneProcessOrOwnerHoldsARun() throws {
        let folder = try TemporaryFolder()
        do {
            let first = try RunFolder(folder.url)
            let error = #expect(throws: RunFolderError.self) { try RunFolder(folder.url) }
            #expect(error?.description.contains("\(ProcessInfo.processInfo.processIdentifier)") == true)
            withExtendedLifetime(first) {}
        }
        #expect(throws: Never.self) { try RunFolder(folder.url) }
    }

    @Test func aFailedCheckpointLeavesTheLastOne() throws {
        struct Failure: Error {}
        let folder = try TemporaryFolder()
        let run = try RunFolder(folder.url)
        for step in 1...3 {
            try run.writeCheckpoint(step: step, keeping: 2) {
                try Data("\(step)".utf8).write(to: $0.appendingPathComponent("x"))
            }
        }
        #expect(throws: Failure.self) { try run.writeCheckpoint(step: 4, keeping: 2) { _ in throw Failure() } }
        #expect(run.latestCheckpoint?.lastPathComponent == "step-000003")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.file("checkpoints").path).sorted()
        #expect(names == ["step-000002", "step-000003"])
        #expect(try String(contentsOf: folder.file("latest"), encoding: .utf8) == "step-000003\n")
        #expect(throws: ModelError.self) { try ModelFolder.locate(folder.file("none")) }
        for step in [999_999, 1_000_000] { try run.writeCheckpoint(step: step, keeping: 2) { _ in } }
        #expect(run.latestCheckpoint?.lastPathComponent == "step-001000000")
    }

    @Test func signalsRaiseTheFlag() {
        InterruptFlag.install()
        kill(getpid(), SIGTERM)
        // Delivered to whichever thread lets it in; ten seconds are far more than it takes.
        for _ in 0..<1000 where !InterruptFlag.isRaised { Thread.sleep(forTimeInterval: 0.01) }
        #expect(InterruptFlag.isRaised)
        InterruptFlag.reset()
        InterruptFlag.install()
    }
}
