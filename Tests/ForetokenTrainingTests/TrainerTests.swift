import ForetokenFiles
import ForetokenFormats
import ForetokenModel
import ForetokenText
import Foundation
import TestSupport
import Testing
import Torch

@testable import ForetokenTraining

private func weights(_ run: URL) throws -> [String: [Float]] {
    let folder = try ModelFolder.locate(run)
    var result: [String: [Float]] = [:]
    for parameter in try ModelFolder.read(folder).parameters { result[parameter.name] = parameter.tensor.elements() }
    let optimizer = try SafetensorsFile(contentsOf: folder.appendingPathComponent("trainer/optimizer.safetensors"))
    for name in optimizer.names { result[name] = try optimizer.tensor(name).elements() }
    return result
}

/// metrics.jsonl without what depends on time.
private func metrics(_ run: URL) throws -> [String] {
    try String(contentsOf: run.appendingPathComponent("metrics.jsonl"), encoding: .utf8).split(separator: "\n").map {
        var object = try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        object["tokensPerSecond"] = nil
        object["peakBytes"] = nil
        return String(decoding: try JSONSerialization.data(withJSONObject: object, options: .sortedKeys), as: UTF8.self)
    }
}

@Suite(.serialized) struct TrainerTests {
    @Test(arguments: HeadKind.allCases)
    func theLossFallsAndHeldOutTextIsMeasured(kind: HeadKind) throws {
        let folder = try TemporaryFolder()
        let recipe = try tinyRecipe(in: folder, steps: 40, kind: kind)
        let trainer = try Trainer(recipe: recipe, folder: RunFolder(folder.file("run")))
        #expect(try trainer.run() == .finished)
        let validation = try #require(trainer.lastValidation)
        #expect(validation.losses[0] < 4)  // log 258 = 5.55 at the start
        #expect(validation.acceptance.count == 3)
        #expect(
            zip(validation.cumulativeAcceptance, validation.cumulativeAcceptance.dropFirst()).allSatisfy { $0 >= $1 })
        // Nearly one token a byte: the ends of texts, one in 39 tokens, are targets without bytes.
        #expect(abs(validation.bitsPerByte[0] - validation.losses[0] / log(2)) < 0.4)
    }

    /// A folder that holds a person's files is not trained into, and they stay as they are.
    @Test func filesThatNoRunWroteAreNotReplaced() throws {
        let folder = try TemporaryFolder()
        let recipe = try tinyRecipe(in: folder, steps: 2)
        for (name, text) in [
            ("recipe.yaml", "# mine\ntraining: {steps: 7}\n"), ("recipe.yaml", "eggs\n"), ("metrics.jsonl", "{}\n"),
            ("report.html", "x"),
        ] {
            let own = folder.file(UUID().uuidString)
            try FileManager.default.createDirectory(at: own, withIntermediateDirectories: false)
            let file = own.appendingPathComponent(name)
            try Data(text.utf8).write(to: file)
            #expect(throws: RunFolderError.self) { try Trainer(recipe: recipe, folder: RunFolder(own)) }
            #expect(try String(contentsOf: file, encoding: .utf8) == text)
        }
        // The same recipe, as a person wrote it.
        let own = folder.file("own")
        try FileManager.default.createDirectory(at: own, withIntermediateDirectories: false)
        let file = own.appendingPathComponent("recipe.yaml")
        try Data(("\u{FEFF}# mine\n" + recipe.yaml).utf8).write(to: file)
        let kept = try Data(contentsOf: file)
        let metrics = own.appendingPathComponent("metrics.jsonl")
        try Data("mine".utf8).write(to: metrics)
        #expect(throws: RunFolderError.foreign(folder: own.relativePath, file: "metrics.jsonl")) {
            try Trainer(recipe: Recipe(contentsOf: file), folder: RunFolder(own))
        }
        try FileManager.default.removeItem(at: metrics)
        #expect(try Trainer(recipe: Recipe(contentsOf: file), folder: RunFolder(own)).run() == .finished)
        #expect(try Data(contentsOf: file) == kept)
    }

    /// Steps that were measured may be fewer than those of the warm-up.
    @Test func aRunBoundedByTimeWithALongWarmUpResumes() throws {
        let folder = try TemporaryFolder()
        var recipe = try tinyRecipe(in: folder, steps: 2)
        (recipe.training.steps, recipe.training.minutes, recipe.training.warmUpSteps) = (nil, 0.001, 1 << 20)
        let run = folder.file("run")
        #expect(try Trainer(recipe: recipe, folder: RunFolder(run)).run() == .finished)
        let steps = try #require(try Recipe(contentsOf: run.appendingPathComponent("recipe.yaml")).training.steps)
        #expect(steps < 1 << 20)
        #expect(try Trainer(recipe: recipe, folder: RunFolder(run)).step == steps)
        recipe.training.warmUpSteps = -1
        #expect(throws: RecipeError.invalidValue(key: "training.warmUpSteps", reason: "-1 is outside 0...1073741824")) {
            try recipe.validate()
        }
    }

    /// A run stopped after any step, in or outside a checkpoint's interval, and resumed is bitwise the run that never was.
    @Test func resumingAnywhereGivesTheSameRunBitwise() throws {
        let folder = try TemporaryFolder()
        let recipe = try tinyRecipe(in: folder, steps: 6)
        #expect(try Trainer(recipe: recipe, folder: RunFolder(folder.file("whole"))).run() == .finished)
        let expected = try weights(folder.file("whole"))
        for stop in 1...5 {
            struct Killed: Error {}
            let url = folder.file("run-\(stop)")
            // Leaves the loop right after a step, as a kill does: nothing of the step is on disk unless its checkpoint is due.
            do {
                let first = try Trainer(recipe: recipe, folder: RunFolder(url))
                _ = try first.run { if $0 == stop { InterruptFlag.raise() } }
                InterruptFlag.reset()
            }
            #expect(try Trainer(recipe: recipe, folder: RunFolder(url)).run() == .finished)
            #expect(try weights(url) == expected)
            #expect(try metrics(url) == metrics(folder.file("whole")))
        }
    }

    @Test func leftoversOfAKilledCheckpointAndTornMetricsAreCleanedUp() throws {
        let folder = try TemporaryFolder()
        let recipe = try tinyRecipe(in: folder, steps: 4)
        let url = folder.file("run")
        _ = try Trainer(recipe: recipe, folder: RunFolder(url)).run()
        let expected = try weights(url)
        // As if killed while step 4's checkpoint was being written: only step 2's is whole.
        let checkpoints = url.appendingPathComponent("checkpoints")
        try FileManager.default.moveItem(
            at: checkpoints.appendingPathComponent("step-000004"),
            to: checkpoints.appendingPathComponent(".step-000004"))
        try FileManager.default.removeItem(at: checkpoints.appendingPathComponent(".step-000004/model.safetensors"))
        let handle = try FileHandle(forWritingTo: url.appendingPathComponent("metrics.jsonl"))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data("{\"kind\":\"train\",\"st".utf8))
        try handle.close()
        let trainer = try Trainer(recipe: recipe, folder: RunFolder(url))
        #expect(trainer.step == 2)
        _ = try trainer.run()
        #expect(try weights(url) == expected)
        #expect(try metrics(url).count == 4 + 2)
    }

    @Test func aMixtureResumesBitwiseAndOneSourceIsTheShardAlone() throws {
        let folder = try TemporaryFolder()
        var recipe = try tinyRecipe(in: folder, steps: 6)
        _ = try Trainer(recipe: recipe, folder: RunFolder(folder.file("alone"))).run()
        let shard = recipe.data.train
        (recipe.data.train, recipe.data.sources) = ("", [.init(path: shard, weight: 3)])
        _ = try Trainer(recipe: recipe, folder: RunFolder(folder.file("one"))).run()
        #expect(try weights(folder.file("one")) == weights(folder.file("alone")))

        let writer = try TokenShardWriter(folder.file("other.tokens"), tokenizer: ByteTokenizer())
        for index in 0..<9 { try writer.append(ByteTokenizer().encode("struct S\(index) { let x = \(index) }\n")) }
        try writer.finish()
        recipe.data.sources.append(.init(path: folder.file("other.tokens").path))
        _ = try Trainer(recipe: recipe, folder: RunFolder(folder.file("mixed"))).run()
        let expected = try weights(folder.file("mixed"))
        #expect(try expected != weights(folder.file("one")))
        for stop in 1...5 {
            let url = folder.file("stopped\(stop)")
            _ = try Trainer(recipe: recipe, folder: RunFolder(url)).run { if $0 == stop { InterruptFlag.raise() } }
            InterruptFlag.reset()
            _ = try Trainer(recipe: recipe, folder: RunFolder(url)).run()
            #expect(try weights(url) == expected)
        }
        recipe.data.sources[1].weight = 2
        let error = #expect(throws: RunFolderError.self) {
            try Trainer(recipe: recipe, folder: RunFolder(folder.file("mixed")))
        }
        #expect(error?.description.contains("data.sources") == true)
        recipe.data.sources[1].path = folder.file("none.tokens").path
        #expect(throws: ShardError.self) { try Trainer(recipe: recipe, folder: RunFolder(folder.file("new"))) }
    }

    @Test func aLossThatIsNotFiniteStopsWithStepAndBatch() throws {
        let folder = try TemporaryFolder()
        let recipe = try tinyRecipe(in: folder)
        let trainer = try Trainer(recipe: recipe, folder: RunFolder(folder.file("run")))
        let error = #expect(throws: TrainerError.self) {
            try trainer.run { step in
                guard step == 2 else { return }
                let shape = trainer.model.norm.tensor.shape
                trainer.model.norm.tensor.assign(Tensor([Float](repeating: .nan, count: shape[0])))
            }
        }
        #expect(error?.description.hasPrefix("step 3: the loss is not finite") == true)
        #expect(error?.description.contains("sequence 8") == true)
    }

    @Test func anotherRecipeInTheFolderIsRefusedByItsKeys() throws {
        let folder = try TemporaryFolder()
        var recipe = try tinyRecipe(in: folder, steps: 2)
        let url = folder.file("run")
        _ = try Trainer(recipe: recipe, folder: RunFolder(url)).run()
        recipe.training.learningRate = 5
        let error = #expect(throws: RunFolderError.self) { try Trainer(recipe: recipe, folder: RunFolder(url)) }
        #expect(error?.description.contains("training.learningRate") == true)
    }

    @Test func aRunBoundedByTimeFixesItsSteps() throws {
        let folder = try TemporaryFolder()
        var recipe = try tinyRecipe(in: folder)
        recipe.training.steps = nil
        recipe.training.minutes = 0.002
        let trainer = try Trainer(recipe: recipe, folder: RunFolder(folder.file("run")))
        let steps = try #require(trainer.recipe.training.steps)
        #expect(try Recipe(contentsOf: folder.file("run/recipe.yaml")).training.steps == steps)
        // Measuring leaves no trace in the model: the weights are those of the seed.
        let fresh = try MultiTokenModel(recipe.configuration(for: ByteTokenizer()), seed: recipe.seed)
        for (a, b) in zip(trainer.model.parameters, fresh.parameters) {
            #expect(a.tensor.elements(as: Float.self) == b.tensor.elements(as: Float.self))
        }
    }

    @Test func accumulationGivesTheGradientOfTheWholeBatch() throws {
        let folder = try TemporaryFolder()
        var recipe = try tinyRecipe(in: folder, steps: 1)
        let first = try Trainer(recipe: recipe, folder: RunFolder(folder.file("a")))
        _ = try first.run()
        recipe.training.batchSize = 4
        recipe.training.accumulation = 1
        let second = try Trainer(recipe: recipe, folder: RunFolder(folder.file("b")))
        _ = try second.run()
        // The first step of Adam is nearly the sign of the gradient; equal up to rounding where it is not tiny.
        for (a, b) in zip(first.model.parameters, second.model.parameters) {
            let (x, y): ([Float], [Float]) = (a.tensor.elements(), b.tensor.elements())
            let far = zip(x, y).count { abs($0 - $1) > 1e-4 }
            #expect(far * 50 <= x.count)
        }
    }

    @Test func theRateWarmsUpAndFallsAlongACosine() {
        let schedule = LearningRateSchedule(peak: 2, warmUp: 4, steps: 104, finalRatio: 0.1)
        #expect(schedule.rate(at: 1) == 0.5)
        #expect(schedule.rate(at: 4) == 2)
        // The cosine in float64.
        #expect(abs(schedule.rate(at: 54) - 1.1) < 1e-12)
        #expect(abs(schedule.rate(at: 104) - 0.2) < 1e-12)
    }

    @Test func theOtherShapesOfTheRate() {
        func rates(_ shape: LearningRateShape, _ steps: [Int]) -> [Double] {
            let schedule = LearningRateSchedule(
                shape: shape, peak: 2, warmUp: 10, steps: 110, finalRatio: 0.1, decayFraction: 0.2)
            return steps.map { (schedule.rate(at: $0) * 1e9).rounded() / 1e9 }
        }
        #expect(rates(.linear, [5, 10, 60, 110]) == [1, 2, 1.1, 0.2])
        #expect(rates(.constant, [5, 10, 60, 110]) == [1, 2, 2, 2])
        #expect(rates(.wsd, [5, 10, 60, 88, 99, 110]) == [1, 2, 2, 2, 1.1, 0.2])
    }

    @Test func curriculaSwitchHeadsInEqualStages() {
        func active(_ curriculum: HeadCurriculum) -> [Int] {
            (1...10).map { curriculum.active(at: $0, of: 8, heads: 4) }
        }
        #expect(active(.none) == [Int](repeating: 4, count: 10))
        #expect(active(.forward) == [1, 1, 2, 2, 3, 3, 4, 4, 4, 4])
        #expect(active(.reverse) == [4, 4, 3, 3, 2, 2, 1, 1, 1, 1])
    }

    /// Heads that are off stay as they are, bitwise, and a run that was stopped in between is the run that never was.
    @Test(arguments: [HeadCurriculum.forward, .reverse])
    func curriculaResumeBitwise(curriculum: HeadCurriculum) throws {
        let folder = try TemporaryFolder()
        var recipe = try tinyRecipe(in: folder, steps: 6)
        recipe.training.curriculum = curriculum
        let whole = try Trainer(recipe: recipe, folder: RunFolder(folder.file("whole")))
        let third = whole.model.heads[2].parameters
        var values: [[[Float]]] = [third.map { $0.tensor.elements() }]
        #expect(try whole.run { _ in values.append(third.map { $0.tensor.elements() }) } == .finished)
        let moved = (1...6).filter { values[$0] != values[$0 - 1] }
        #expect(moved == (curriculum == .forward ? [5, 6] : [1, 2]))
        #expect(try metrics(folder.file("whole")).count { $0.contains("nan") } == 4)
        for stop in [1, 3, 5] {
            let url = folder.file("run-\(stop)")
            do {
                let first = try Trainer(recipe: recipe, folder: RunFolder(url))
                _ = try first.run { if $0 == stop { InterruptFlag.raise() } }
                InterruptFlag.reset()
            }
            #expect(try Trainer(recipe: recipe, folder: RunFolder(url)).run() == .finished)
            #expect(try weights(url) == weights(folder.file("whole")))
            #expect(try metrics(url) == metrics(folder.file("whole")))
        }
    }

    @Test(arguments: HeadKind.allCases.filter { $0 != .anticausal }, ObjectiveName.allCases)
    func aFrozenTrunkLeavesPlainDecodingAsItIs(kind: HeadKind, objective: ObjectiveName) throws {
        let folder = try TemporaryFolder()
        var recipe = try tinyRecipe(in: folder, steps: 2, kind: kind)
        recipe.training.freezeTrunk = true
        recipe.training.objective = objective
        let trainer = try Trainer(recipe: recipe, folder: RunFolder(folder.file("run")))
        let before = trainer.model.parameters.map { $0.tensor.elements(as: Float.self) }
        #expect(try trainer.run() == .finished)
        for (parameter, values) in zip(trainer.model.parameters, before) {
            let isLater = if case .head(let head) = parameter.group { head > 1 } else { false }
            #expect((parameter.tensor.elements(as: Float.self) != values) == isLater, "\(parameter.name)")
        }
    }

    @Test func theTimeLimitCheckpointsAndTheRunGoesOn() throws {
        let folder = try TemporaryFolder()
        let recipe = try tinyRecipe(in: folder, steps: 3)
        let url = folder.file("run")
        do {
            let trainer = try Trainer(recipe: recipe, folder: RunFolder(url))
            #expect(try trainer.run(limit: .zero) == .outOfTime)
            #expect(trainer.step == 0)
        }
        let trainer = try Trainer(recipe: recipe, folder: RunFolder(url))
        #expect(try trainer.run(limit: .seconds(1000)) == .finished)
        _ = try Trainer(recipe: recipe, folder: RunFolder(folder.file("whole"))).run()
        #expect(try weights(url) == weights(folder.file("whole")))
    }

    @Test func everySoManyCheckpointsStay() throws {
        let folder = try TemporaryFolder()
        var recipe = try tinyRecipe(in: folder, steps: 9)
        (recipe.training.checkpointEvery, recipe.training.keepCheckpoints, recipe.training.keepEvery) = (1, 2, 3)
        _ = try Trainer(recipe: recipe, folder: RunFolder(folder.file("run"))).run()
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.file("run/checkpoints").path).sorted()
        #expect(names == [3, 6, 8, 9].map { "step-00000\($0)" })
    }

    @Test func laterHeadsHaveARateOfTheirOwn() throws {
        let folder = try TemporaryFolder()
        var recipe = try tinyRecipe(in: folder, steps: 1)
        (recipe.training.weightDecay, recipe.training.finalLearningRateRatio) = (0, 1)
        recipe.training.headLearningRate = 0.02  // twice that of the others
        let trainer = try Trainer(recipe: recipe, folder: RunFolder(folder.file("run")))
        let before = trainer.model.parameters.map { $0.tensor.elements(as: Float.self) }
        _ = try trainer.run()
        // Adam's first step is the rate, but for gradients near ε; float32 rounds weights by 6e-8.
        for (parameter, values) in zip(trainer.model.parameters, before) where parameter.isMatrix {
            let isLater = if case .head(let head) = parameter.group { head > 1 } else { false }
            let step = zip(parameter.tensor.elements(as: Float.self), values).map { abs($0 - $1) }.max() ?? 0
            #expect(abs(step - (isLater ? 0.02 : 0.01)) < 1e-4, "\(parameter.name)")
        }
    }

    /// Three steps of AdamW by its formula in float64, decay on matrices only; a step rounds by some 1e-16.
    @Test func adamWEqualsItsFormula() throws {
        let model = try MultiTokenModel(
            ModelConfiguration(
                vocabulary: 5, width: 4, layers: 2, attentionHeads: 1, feedForwardWidth: 4, heads: 1, contextLength: 4),
            seed: 1, dtype: .float64)
        let optimizer = try AdamW(model.parameters, betas: (0.9, 0.95), epsilon: 1e-8, decay: 0.1)
        let before = model.parameters.map { $0.tensor.elements(as: Double.self) }
        var expected = before
        var (m, v) = (0.0, 0.0)
        for step in 1...3 {
            let g = Double(step) - 1.7
            for parameter in model.parameters {
                parameter.tensor.gradient = try .full(g, shape: parameter.tensor.shape, dtype: .float64)
            }
            optimizer.update(rate: 0.01)
            m = 0.9 * m + 0.1 * g
            v = 0.95 * v + 0.05 * g * g
            let change =
                0.01 * (m / (1 - pow(0.9, Double(step)))) / ((v / (1 - pow(0.95, Double(step)))).squareRoot() + 1e-8)
            for (index, parameter) in model.parameters.enumerated() {
                let keep = parameter.isMatrix ? 1 - 0.01 * 0.1 : 1
                expected[index] = expected[index].map { $0 * keep - change }
            }
        }
        for (parameter, values) in zip(model.parameters, expected) {
            for (a, b) in zip(parameter.tensor.elements(as: Double.self), values) { #expect(abs(a - b) < 1e-12) }
        }
    }
}
