import Foundation
import Testing

/// Two ranks give the same run as one for all kinds of heads and objectives.
@Suite(.serialized) struct VariantTests {
    private let place: Workplace

    init() throws { place = try Workplace() }

    private func train(_ recipe: String, _ run: String, processes: Int, _ settings: [String]) throws -> Command.Result {
        try Command.run(
            ["train", recipe, "--out", place.path(run), "--processes", "\(processes)"]
                + settings.flatMap { ["--set", $0] })
    }

    private func expectOneAndTwoAlike(_ recipe: String, _ settings: [String], steps: Int = 12) throws {
        for ranks in [1, 2] {
            let result = try train(recipe, "run-\(ranks)", processes: ranks, settings)
            #expect(result.code == 0, "\(settings): \(result.errors)")
        }
        let (one, two) = (try place.curve("run-1"), try place.curve("run-2"))
        #expect(one.count == steps)
        let found = difference(one, two)
        #expect(found < 1e-5, "\(settings): \(found)")
    }

    @Test(arguments: ["linear", "causal", "anticausal", "deepseek"])
    func everyKindOfHeads(kind: String) throws {
        let recipe = try place.sharedRecipe(steps: 12)
        try expectOneAndTwoAlike(recipe, ["model.headKind=\(kind)", "model.heads=3", "model.layers=5"])
    }

    @Test func unembeddingsOfTheirOwnAndSoftTargets() throws {
        let recipe = try place.sharedRecipe(steps: 12)
        try expectOneAndTwoAlike(
            recipe,
            ["model.unembedding=replicated", "training.selfDistillationTopK=8", "model.heads=3", "model.layers=5"])
    }

    /// Heads that are disabled for some steps have no gradient on any rank; their weights and optimizer state do not change.
    @Test func headsThatAreSwitchedOnAndOff() throws {
        let recipe = try place.sharedRecipe(steps: 12)
        try expectOneAndTwoAlike(
            recipe,
            [
                "model.heads=3", "model.layers=5", "training.curriculum=forward",
                "training.headWeights=[{step: 0, weights: [1, 0.5, 0.25]}, {step: 12, weights: uniform}]",
            ])
        #expect(try place.curve("run-2").first?.filter { $0 < 0 }.count == 2)
    }

    /// New heads on a frozen trunk from a next-token model.
    @Test func newHeadsOnAFrozenModel() throws {
        let recipe = try place.sharedRecipe(steps: 12)
        #expect(try train(recipe, "base", processes: 2, ["model.heads=1", "model.layers=3"]).code == 0)
        let upgrade = """
            data: { train: "\(place.path("data/train.tokens"))" }
            start: { from: "\(place.path("base"))" }
            model: { heads: 3, headKind: linear }
            training: { steps: 12, batchSize: 4, accumulation: 2, learningRate: 0.003, threads: 1, logEvery: 1,
                        freezeTrunk: true, checkpointEvery: 0 }
            """
        let path = place.path("upgrade.yaml")
        try Data(upgrade.utf8).write(to: URL(fileURLWithPath: path))
        try expectOneAndTwoAlike(path, [])
    }

    /// All ranks reach the time limit at the same step, and the same command resumes.
    @Test func aLimitOfTimeStopsAllRanksAtOneCheckpoint() throws {
        let recipe = try place.sharedRecipe(steps: 1_000_000)
        let stopped = try Command.run([
            "train", recipe, "--out", place.path("run"), "--processes", "2", "--stop-after", "0.05", "--set",
            "training.checkpointEvery=0",
        ])
        #expect(stopped.code == 0, "\(stopped.errors)")
        let steps = try place.curve("run").count
        #expect(steps > 0)
        let name = try String(contentsOfFile: place.path("run/latest"), encoding: .utf8)
        #expect(name.contains(String(format: "step-%06d", steps)), "\(name) after \(steps) steps")
        let resumed = try Command.run([
            "train", recipe, "--out", place.path("run"), "--processes", "2", "--stop-after", "0.02", "--set",
            "training.checkpointEvery=0",
        ])
        #expect(resumed.code == 0 && resumed.errors.contains("resuming"), "\(resumed.errors)")
        #expect(try place.curve("run").count > steps)
    }
}
