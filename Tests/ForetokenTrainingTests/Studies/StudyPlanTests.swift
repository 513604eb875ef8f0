import ForetokenModel
import ForetokenReport
import ForetokenText
import Foundation
import TestSupport
import Testing

@testable import ForetokenStudies
@testable import ForetokenTraining

private let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Recipes/studies")

/// A study with its recipe, planned without data.
struct StudyPlace {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        let recipe = """
            data: { train: nowhere.tokens, validation: nowhere-else.tokens }
            model: { width: 16, layers: 6, attentionHeads: 2, feedForwardWidth: 24, heads: 2, contextLength: 16 }
            training: { steps: 10, batchSize: 2 }
            """
        try Data(recipe.utf8).write(to: folder.file("recipe.yaml"))
    }

    func study(_ yaml: String) throws -> Study {
        try Study(yaml: "recipe: recipe.yaml\n" + yaml, file: "s.yaml", folder: folder.url)
    }

    func plan(_ yaml: String, _ overrides: [String] = [], folder: String = "out") throws -> StudyPlan {
        try StudyPlan(study(yaml), folder: folder, overrides: overrides)
    }

    /// The error of an invalid study.
    func sentence(_ yaml: String, _ overrides: [String] = []) -> String {
        do {
            _ = try plan(yaml, overrides)
            return "nothing was refused"
        } catch {
            return "\(error)"
        }
    }
}

@Suite struct StudyPlanTests {
    private let place: StudyPlace

    init() throws { place = try StudyPlace() }

    @Test func aGridIsEveryCombinationWithTheSeedsOutermost() throws {
        let plan = try place.plan(
            "grid: { model.heads: [1, 3], seed: [7, 8], training.learningRate: [1.0e-3, 2.0e-3] }")
        #expect(
            plan.runs.map(\.name) == [
                "heads-1_learningRate-1.0e-3_seed-7", "heads-1_learningRate-2.0e-3_seed-7",
                "heads-3_learningRate-1.0e-3_seed-7", "heads-3_learningRate-2.0e-3_seed-7",
                "heads-1_learningRate-1.0e-3_seed-8", "heads-1_learningRate-2.0e-3_seed-8",
                "heads-3_learningRate-1.0e-3_seed-8", "heads-3_learningRate-2.0e-3_seed-8",
            ])
        #expect(plan.runs.map(\.recipe.seed) == [7, 7, 7, 7, 8, 8, 8, 8])
        #expect(plan.runs.map(\.recipe.model.heads) == [1, 1, 3, 3, 1, 1, 3, 3])
        #expect(plan.runs.map(\.recipe.training.learningRate) == [1e-3, 2e-3, 1e-3, 2e-3, 1e-3, 2e-3, 1e-3, 2e-3])
        #expect(plan.rows.count == 4 && plan.rows[2] == "heads 3, learningRate 1.0e-3")
        #expect(Set(plan.runs.map(\.digest)).count == 8)
        #expect(plan.notes == ["nowhere.tokens: does not exist yet; sizes assume a vocabulary of 258"])
        // The number of parameters does not depend on the heads, since block heads replace trunk layers.
        #expect(Set(plan.runs.map(\.parameters)).count == 1 && plan.runs[0].parameters != nil)
        #expect(plan.runs.allSatisfy { $0.tokens == 10 * 2 * 16 })
    }

    @Test func armsTakeEveryPointOfTheGridAndSomeOfTheSeeds() throws {
        let plan = try place.plan(
            """
            set: { training.steps: 20, model: { layers: 8 } }
            grid: { model.width: [16, 32], seed: [1, 2] }
            arms:
              plain:
              decay: { training.headWeights: { decay: 0.5 }, seed: 2, training: { steps: 30 } }
            """, ["training.batchSize=5"])
        #expect(
            plan.runs.map(\.name) == [
                "plain_width-16_seed-1", "plain_width-32_seed-1", "plain_width-16_seed-2", "plain_width-32_seed-2",
                "decay_width-16_seed-2", "decay_width-32_seed-2",
            ])
        #expect(plan.runs.map(\.recipe.training.steps) == [20, 20, 20, 20, 30, 30])
        #expect(plan.runs.allSatisfy { $0.recipe.model.layers == 8 && $0.recipe.training.batchSize == 5 })
        #expect(plan.runs.last?.recipe.training.headWeights == .decay(0.5))
        #expect(plan.rows == ["plain, width 16", "plain, width 32", "decay, width 16", "decay, width 32"])
    }

    @Test func armsGoOnFromOthersOfTheSameSeed() throws {
        let yaml = """
            grid: { seed: [1, 2] }
            arms:
              to1: { from: four, model.heads: 1, training.steps: 3 }
              to4: { from: four, training.steps: 3 }
              four: { model.heads: 4 }
            """
        let plan = try place.plan(yaml)
        #expect(
            plan.runs.map(\.name) == [
                "four_seed-1", "to1_seed-1", "to4_seed-1", "four_seed-2", "to1_seed-2", "to4_seed-2",
            ])
        let (four, one, same) = (plan.runs[0], plan.runs[1], plan.runs[2])
        #expect(one.parent == "four_seed-1" && one.recipe.start.from == "out/runs/four_seed-1")
        // With n = 4 of six layers, the next-token path has three; reduced to head 1, these remain, with the last as the head.
        #expect(one.configuration?.layers == 3 && one.configuration?.heads == 1)
        #expect(same.configuration == four.configuration && same.recipe.model.heads == 4)
        // The resolved recipe, read back, is unchanged.
        let read = try Recipe(yaml: one.recipe.yaml, file: "x")
        #expect(read.yaml == one.recipe.yaml)
        // A change of the first run changes the digests of those that start from it; the study's folder does not matter.
        let other = try place.plan(yaml.replacing("heads: 4 }", with: "heads: 4, training.clip: 0.5 }"))
        #expect(zip(plan.runs, other.runs).allSatisfy { $0.digest != $1.digest })
        let elsewhere = try place.plan(yaml, folder: "elsewhere")
        #expect(zip(plan.runs, elsewhere.runs).allSatisfy { $0.digest == $1.digest })
    }

    @Test(arguments: [
        ("gird: { seed: [1] }", "s.yaml:2: gird: unknown key; did you mean 'grid'?"),
        ("grid: { model.heads: 3 }", "s.yaml:2: grid.model.heads: expected a list of values"),
        ("grid: { model.heads: [1, 1] }", "1 is given twice"),
        ("grid: { model.heds: [1, 2] }", "s.yaml:2: model.heds: unknown key; did you mean 'heads'?"),
        ("grid: { seeds: [1, 2] }", "grid.seeds: unknown key; did you mean 'seed'?"),
        ("grid: { seed: [1, x] }", "'x' is not a seed"),
        ("grid: { model.heads: [1, 6] }", "s.yaml:2: model.heads: heads is 6 and layers is 6"),
        ("set: { model.heads: 2 }\ngrid: { model.heads: [1, 2] }", "s.yaml:2: model.heads: is overridden by the grid"),
        ("set:\n  trainin.steps: 3", "s.yaml:3: trainin: unknown key; did you mean 'training'?"),
        ("arms: { a: { form: b }, b: {} }", "arms.a.form: unknown key; did you mean 'from'?"),
        ("arms: { a: { from: bee }, be: {} }", "there is no arm 'bee'; did you mean 'be'?"),
        ("arms: { a: { from: b }, b: { from: a } }", "is a cycle"),
        (
            "arms: { a: { from: b, model.width: 32 }, b: {} }",
            "run 'a': s.yaml:2: model.width: 32 differs from the checkpoint"
        ),
        ("grid: { seed: [1, 2] }\narms: { a: { from: b }, b: { seed: 1 } }", "'b' has no run with seed 2"),
        ("grid: { seed: [1, 2] }\narms: { a: { seed: 3 } }", "3 is not one of the study's seeds"),
        ("arms: { ../a: {} }", "cannot name a folder"),
        ("evaluate: [los]", "evaluate[0].los: unknown key; did you mean 'loss'?"),
        ("evaluate: [loss, loss]", "'loss' is measured twice"),
        ("evaluate: [{ loss: { batch: 3 } }]", "evaluate[0].loss.batch: unknown key"),
        ("evaluate: [{ loss: { batches: 0 } }]", "evaluate[0].loss.batches: 0 is below 1"),
        ("evaluate: [{ decoding: { temperatures: [-1] } }]", "must be distinct numbers of at least 0"),
        ("evaluate: [code]", "evaluate[0].code.problems: missing"),
        ("evaluate: [{ code: { problems: p.jsonl, samples: 3, k: [10] } }]", "from 1 to samples (3)"),
        ("evaluate: [loss]\nset: { data.validation: null }", "data.validation: missing, but 'loss'"),
        ("evaluate: [loss]\nset: { data.validation: a.jsonl }", "a.jsonl is not a token shard"),
        ("evaluate: [loss]\naxes: { y: bitsPerBite }", "did you mean 'bitsPerByte'?"),
        ("evaluate: [loss]\naxes: { x: model.headKind }", "is not numeric ('parallel')"),
        ("evaluate: [loss]\naxes: { x: model.size }", "is not a recipe key"),
        ("evaluate: [loss]\naxes: { series: model.heads, minus: 7 }", "there is no series '7'; there are 2"),
        ("reference: b\narms: { a: {} }", "reference: there is no arm 'b'"),
        ("vocabulary: 0", "vocabulary: 0 is outside"),
    ])
    func whatMakesNoStudyIsNamed(yaml: String, message: String) throws {
        let sentence = place.sentence(yaml)
        #expect(sentence.contains(message), "\(sentence)")
    }

    @Test func optionsReachEveryRunOrAreRefused() throws {
        let yaml = "grid: { model.heads: [1, 2] }"
        #expect(try place.plan(yaml, ["training.clip=0.25"]).runs.allSatisfy { $0.recipe.training.clip == 0.25 })
        #expect(place.sentence(yaml, ["model.heads=4"]).hasPrefix("--set model.heads=4: model.heads: has no effect"))
        #expect(place.sentence(yaml, ["model.heds=4"]).contains("--set model.heds=4: model.heds: unknown key"))
        // Arms without the key use the study's value.
        let arms = try place.plan("arms: { a: { training.clip: 1 }, b: {} }", ["training.clip=0.5"])
        #expect(arms.runs.map(\.recipe.training.clip) == [1, 0.5])
    }

    @Test func studiesOfOursAreSoundAtTheirSizes() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: root.path).filter { $0.hasSuffix(".yaml") }
            .sorted()
        #expect(
            files == [
                "best-n.yaml", "finetune-small.yaml", "heads-small.yaml", "paper-figure-3.yaml", "paper-figure-4.yaml",
                "paper-table-1.yaml", "upgrade-small.yaml",
            ])
        for file in files {
            let plan = try StudyPlan(Study(contentsOf: root.appendingPathComponent(file)), folder: "out")
            #expect(plan.runs.allSatisfy { $0.parameters != nil && $0.tokens != nil }, "\(file)")
            #expect(!plan.outline.text.contains("?") && plan.y?.isQuality == true, "\(file)")
        }
    }

    @Test func figureThreeHasTheTablesSizes() throws {
        let plan = try StudyPlan(Study(contentsOf: root.appendingPathComponent("paper-figure-3.yaml")), folder: "out")
        // Table S14 in millions, without embedding and unembedding.
        let millions = [231.0, 549, 1233, 2855, 6476, 12_688]
        #expect(plan.runs.count == 12)
        for (index, run) in plan.runs.enumerated() {
            let tables = 2 * 32_000 * run.recipe.model.width
            let parameters = Double(try #require(run.parameters) - tables) / 1e6
            #expect(abs(parameters / millions[index / 2] - 1) < 0.01, "\(run.name): \(parameters)")
            #expect(run.recipe.model.heads == [1, 4][index % 2])
            // 91 to 210 billion tokens.
            #expect((90e9...211e9).contains(Double(try #require(run.tokens))))
        }
        #expect(plan.x == "parameters" && plan.series(of: plan.runs[1]) == "4")
    }
}
