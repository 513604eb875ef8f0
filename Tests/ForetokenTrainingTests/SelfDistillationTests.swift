import ForetokenFormats
import ForetokenModel
import ForetokenReport
import ForetokenText
import Foundation
import TestSupport
import Testing
import Torch

@testable import ForetokenTraining

@Suite(.serialized) struct SelfDistillationTests {
    private let vocabulary = 11
    private let context = 7
    private let sequences = 2

    private func model(_ kind: HeadKind, heads: Int = 3) throws -> MultiTokenModel {
        try MultiTokenModel(
            ModelConfiguration(
                vocabulary: vocabulary, width: 8, layers: heads + 1, attentionHeads: 2, feedForwardWidth: 12,
                heads: heads, headKind: kind, contextLength: 12),
            seed: 3, dtype: .float64)
    }

    private func gradients(
        _ objective: any Objective, _ model: MultiTokenModel, _ batches: [TokenBatch]
    ) throws -> (losses: [Double], gradients: [String: [Double]]) {
        for parameter in model.parameters { parameter.tensor.gradient = nil }
        let heads = model.heads.count
        let losses = try objective.accumulateGradients(
            in: model, microbatches: batches,
            denominators: (1...heads).map { head in batches.reduce(0) { $0 + $1.validTargets(head: head) } },
            headWeights: [Double](repeating: 1, count: heads), onGradientReady: { _ in })
        return (
            losses,
            Dictionary(
                uniqueKeysWithValues: model.parameters.map {
                    ($0.name, $0.tensor.gradient?.elements(as: Double.self) ?? [])
                })
        )
    }

    /// What the definition says, position by position, as targets that the batch itself carries.
    private func byHand(_ batch: TokenBatch, _ model: MultiTokenModel, count: Int) -> [SoftTargets] {
        let inputs = Tensor(batch.inputs(), shape: [sequences, context])
        let logits: [Double] = withoutGradient { model.allLogits(inputs)[0] }.softmax(axis: 2).elements()
        return (2...model.heads.count).map { head in
            let hard = batch.targets(head: head)
            var (tokens, probabilities): ([Int32], [Float]) = ([], [])
            for position in 0..<sequences * context {
                let later = position % context + head - 1
                guard later < context else {
                    tokens += [Int32(max(0, hard[position]))] + [Int32](repeating: 0, count: count - 1)
                    probabilities += [1] + [Float](repeating: 0, count: count - 1)
                    continue
                }
                let row = (position + head - 1) * vocabulary
                let best = (0..<vocabulary).sorted { logits[row + $0] > logits[row + $1] }.prefix(count)
                let sum = best.reduce(0) { $0 + logits[row + $1] }
                tokens += best.map(Int32.init)
                probabilities += best.map { Float(logits[row + $0] / sum) }
            }
            return SoftTargets(head: head, count: count, tokens: tokens, probabilities: probabilities)
        }
    }

    @Test(arguments: [HeadKind.parallel, .linear, .causal, .anticausal], [1, 4, 40])
    func headsLearnWhatHeadOneExpectsLater(kind: HeadKind, count: Int) throws {
        let model = try model(kind)
        let batch = randomBatch(batch: sequences, context: context, heads: 3, vocabulary: vocabulary, seed: 5)
        var explicit = batch
        explicit.softTargets = byHand(batch, model, count: min(count, vocabulary))
        let expected = try gradients(JointObjective(), model, [explicit])
        for name in ObjectiveName.allCases {
            // Chunks of fewer rows than there are.
            let objective = name.objective(ObjectiveOptions(logitsBytes: 400, selfDistillationTopK: count))
            // The explicit probabilities are float32, rounded by 6e-8 of at most 1.
            let found = try gradients(objective, model, [batch])
            for (a, b) in zip(found.losses, expected.losses) { #expect(abs(a - b) < 1e-6, "\(name)") }
            for (parameter, values) in expected.gradients {
                let own = try #require(found.gradients[parameter])
                #expect(own.count == values.count)
                for (a, b) in zip(own, values) { #expect(abs(a - b) < 1e-6, "\(name) \(parameter)") }
            }
        }
        // One likeliest token is not the text's.
        let hard = try gradients(JointObjective(), model, [batch])
        #expect(abs(hard.losses[1] - expected.losses[1]) > 1e-3 && abs(hard.losses[0] - expected.losses[0]) < 1e-12)
    }

    /// Two micro-batches, and the embeddings that the DeepSeek form joins. float64 sums in another order leave less than 1e-13.
    @Test func objectivesAgreeOverMicrobatches() throws {
        let model = try model(.deepseek)
        let batches = (0..<2).map {
            randomBatch(batch: sequences, context: context, heads: 3, vocabulary: vocabulary, seed: UInt64($0))
        }
        let expected = try gradients(JointObjective(ObjectiveOptions(selfDistillationTopK: 3)), model, batches)
        for name in [ObjectiveName.sequential, .fused] {
            let found = try gradients(
                name.objective(ObjectiveOptions(logitsBytes: 400, selfDistillationTopK: 3)), model, batches)
            for (a, b) in zip(found.losses, expected.losses) { #expect(abs(a - b) < 1e-10) }
            for (parameter, values) in expected.gradients {
                for (a, b) in zip(found.gradients[parameter] ?? [], values) { #expect(abs(a - b) < 1e-10) }
            }
        }
    }

    /// A context that head 3 sees past at once.
    @Test func sequencesShorterThanTheHeadsKeepTheirTokens() throws {
        let model = try model(.linear)
        let batch = randomBatch(batch: 2, context: 2, heads: 3, vocabulary: vocabulary, seed: 1, documentLength: 100)
        let soft = try gradients(JointObjective(ObjectiveOptions(selfDistillationTopK: 3)), model, [batch])
        let hard = try gradients(JointObjective(), model, [batch])
        #expect(soft.losses[2] == hard.losses[2] && soft.losses[1] != hard.losses[1])
    }

    /// Upgrading a next-token model: head 1 and the trunk stay bitwise, and the heads come nearer to what head 1 will say.
    @Test func newHeadsLearnFromAFrozenHeadOne() throws {
        let folder = try TemporaryFolder()
        let base = try Trainer(
            recipe: tinyRecipe(in: folder, steps: 30, heads: 1), folder: RunFolder(folder.file("base")))
        _ = try base.run()
        let yaml = """
            data: {train: "\(folder.file("train.tokens").path)"}
            start: {from: "\(folder.file("base").path)"}
            model: {heads: 3, headKind: linear}
            training: {steps: 60, batchSize: 2, learningRate: 0.02, freezeTrunk: true, softTargets: 8}
            """
        let trainer = try Trainer(
            recipe: Recipe(yaml: yaml, file: "r.yaml"), folder: RunFolder(folder.file("upgraded")))
        _ = try trainer.run()
        let tokens = Tensor((0..<24).map { Int64($0 * 5) }, shape: [1, 24])
        let (before, after): ([Float], [Float]) = withoutGradient {
            (base.model.allLogits(tokens)[0].elements(), trainer.model.allLogits(tokens)[0].elements())
        }
        #expect(before == after)
        var losses: [[Double]] = []
        try MetricsRecord.forEach(in: folder.file("upgraded/metrics.jsonl")) { record in
            for case ("loss", .numbers(let values)) in record.values { losses.append(values) }
        }
        let (first, last) = (try #require(losses.first), try #require(losses.last))
        #expect(last[1] < first[1] - 0.3 && last[2] < first[2] - 0.3)
    }
}
