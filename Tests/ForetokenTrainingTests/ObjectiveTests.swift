import ForetokenFormats
import ForetokenModel
import ForetokenText
import Foundation
import Testing
import Torch

@testable import ForetokenTraining

/// Objectives take their sums in different orders. In float64 that leaves less than 1e-13 in losses and gradients of these
/// models, and 1e-10 is allowed.
@Suite struct ObjectiveTests {
    /// `fused` in chunks of five rows of 14 and fewer.
    @Test(arguments: objectiveCases, [ObjectiveName.sequential, .fused])
    private func headByHeadAndJointGiveTheSameLossesAndGradients(example: ObjectiveCase, name: ObjectiveName) throws {
        for dtype in [DType.float64, .float32] {
            // Of the largest gradient of a parameter, or of 1. In float32 200 random models of these shapes were up to 1.2e-5
            // from float64.
            let tolerance = dtype == .float64 ? 1e-10 : 5e-5
            let model = try example.model(dtype: dtype)
            func gradients() -> [[Double]] {
                model.parameters.map { $0.tensor.gradient?.to(.float64).elements() ?? [] }
            }
            let weights = (1...example.heads).map { 1 / Double($0) }
            let joint = try runObjective(JointObjective(), model, example.batches(), weights: weights)
            let reference = gradients()
            var ready: [String] = []
            let objective = name.objective(ObjectiveOptions(logitsBytes: 5 * 11 * dtype.byteCount))
            let losses = try runObjective(objective, model, example.batches(), weights: weights) {
                ready.append($0.name)
            }
            for (a, b) in zip(joint, losses) { #expect(abs(a - b) < tolerance) }
            for (parameter, (gradient, expected)) in zip(model.parameters, zip(gradients(), reference)) {
                #expect(gradient.contains { $0 != 0 }, "\(parameter.name) gets no gradient")
                #expect(gradient.count == expected.count)
                let size = max(1, expected.map(abs).max() ?? 0)
                for (a, b) in zip(gradient, expected) { #expect(abs(a - b) < tolerance * size, "\(parameter.name)") }
            }
            #expect(ready.sorted() == model.parameters.map(\.name).sorted(), "each parameter is ready exactly once")
            // Readers before what they read, what all share after the last head, then the trunk, the embedding at the end.
            let walk = model.configuration.headGraph.nodes.reversed().map(\.head)
            let groups = model.parameters.filter { $0.group != .embedding || !example.tied }.reduce(into: [:]) {
                $0[$1.name] = $1.group
            }
            let order = ready.map { name -> Int in
                switch groups[name] {
                case .head(let head): walk.firstIndex(of: head) ?? 200
                case .unembedding: 100
                case .trunk: 101
                default: 102
                }
            }
            #expect(order == order.sorted())
            let stages = model.backwardStages.map { $0.map(\.name) }
            #expect(stages.joined().sorted() == ready.sorted())
            let stageOrder = ready.map { name in stages.firstIndex { $0.contains(name) } ?? -1 }
            #expect(stageOrder == stageOrder.sorted(), "the model's stages are the order of the backward pass")
        }
    }

    /// A head of weight 0 gets no gradient, unless another reads it, and is not told to be ready.
    @Test(arguments: HeadKind.allCases, ObjectiveName.allCases)
    func headsOfWeightZeroLearnNothing(kind: HeadKind, name: ObjectiveName) throws {
        let example = ObjectiveCase(kind: kind, heads: 4, documentMask: false, unembedding: .replicated)
        let model = try example.model()
        for weights in [[1, 0, 0, 0], [1.0, 0.5, 0, 0], [0, 1, 0, 2]] {
            // Almost 0 instead: the same, but with the heads in it.
            let losses = try runObjective(
                JointObjective(), model, example.batches(), weights: weights.map { max($0, 1e-300) })
            let reference = model.parameters.map { $0.tensor.gradient?.elements(as: Double.self) ?? [] }
            var ready: [String] = []
            let own = try runObjective(name.objective(), model, example.batches(), weights: weights) {
                ready.append($0.name)
            }
            for (index, weight) in weights.enumerated() {
                #expect(abs(own[index] - (weight == 0 ? 0 : losses[index])) < 1e-10)
            }
            let active = weights.indices.filter { weights[$0] != 0 }.map { $0 + 1 }
            let needed = model.configuration.headGraph.nodes(for: active).map(\.head)
            for (parameter, expected) in zip(model.parameters, reference) {
                let gradient = parameter.tensor.gradient?.elements(as: Double.self)
                if case .head(let head) = parameter.group, !needed.contains(head) { #expect(gradient == nil) }
                #expect(ready.count { $0 == parameter.name } == (gradient == nil ? 0 : 1))
                for (a, b) in zip(gradient ?? [], expected) { #expect(abs(a - b) < 1e-10, "\(parameter.name)") }
            }
        }
    }

    /// Blocks that run again give the same gradients, whatever the objective.
    @Test(arguments: objectiveCases)
    private func recomputedBlocksGiveTheSameLossesAndGradients(example: ObjectiveCase) throws {
        let model = try example.model()
        for name in ObjectiveName.allCases {
            let kept = try runObjective(name.objective(), model, example.batches())
            let reference = model.parameters.map { $0.tensor.gradient?.elements(as: Double.self) ?? [] }
            let recomputed = try runObjective(
                name.objective(ObjectiveOptions(recompute: .blocks)), model, example.batches())
            for (a, b) in zip(kept, recomputed) { #expect(abs(a - b) < 1e-10) }
            for (parameter, expected) in zip(model.parameters, reference) {
                let gradient = try #require(parameter.tensor.gradient).elements(as: Double.self)
                for (a, b) in zip(gradient, expected) { #expect(abs(a - b) < 1e-10, "\(parameter.name)") }
            }
        }
    }

    /// A trunk of 12 more blocks costs 12 inputs then, and not what 12 blocks keep.
    @Test func recomputedBlocksKeepTheirInputsOnly() throws {
        func peak(_ recompute: Recomputation, layers: Int) throws -> Int {
            let model = try MultiTokenModel(
                ModelConfiguration(
                    vocabulary: 16, width: 16, layers: layers, attentionHeads: 1, feedForwardWidth: 48, heads: 1,
                    contextLength: 64),
                seed: 1)
            let batch = randomBatch(batch: 8, context: 64, heads: 1, vocabulary: 16, seed: 1)
            let before = Memory.read().current
            Memory.resetPeak()
            _ = try runObjective(SequentialObjective(ObjectiveOptions(recompute: recompute)), model, [batch])
            return Memory.read().peak - before
        }
        let hidden = 8 * 64 * 16 * 4
        func extra(_ recompute: Recomputation) throws -> Int {
            try peak(recompute, layers: 15) - peak(recompute, layers: 3)
        }
        #expect(try extra(.blocks) < 12 * (hidden + hidden / 2))  // and the gradients of 12 small blocks
        #expect(try extra(.none) > 12 * 10 * hidden)
    }

    /// Central differences in float64 at ε = 1e-6 of losses of about 5 are right to 3e-9; three entries of every parameter.
    /// Of `fused`, which the others equal to 1e-10.
    @Test(arguments: objectiveCases.filter { $0.heads == 2 })
    private func gradientsEqualFiniteDifferences(example: ObjectiveCase) throws {
        let objective = FusedObjective(ObjectiveOptions(logitsBytes: 5 * 11 * 8))
        let model = try example.model()
        let batches = example.batches()
        _ = try runObjective(objective, model, batches)
        let gradients = model.parameters.map { $0.tensor.gradient?.elements(as: Double.self) ?? [] }
        let epsilon = 1e-6
        for (parameter, gradient) in zip(model.parameters, gradients) {
            let shape = parameter.tensor.shape
            let values = parameter.tensor.elements(as: Double.self)
            for index in [0, values.count / 2, values.count - 1] {
                func loss(_ change: Double) throws -> Double {
                    var changed = values
                    changed[index] += change
                    parameter.tensor.assign(Tensor(changed, shape: shape))
                    return try runObjective(objective, model, batches).reduce(0, +)
                }
                let slope = (try loss(epsilon) - loss(-epsilon)) / (2 * epsilon)
                #expect(abs(slope - gradient[index]) < 1e-7, "\(parameter.name)[\(index)]")
            }
            parameter.tensor.assign(Tensor(values, shape: shape))
        }
    }

    @Test func lossesAreMeansOverTheTargetsThatStayInTheirDocument() throws {
        let example = ObjectiveCase(kind: .parallel, heads: 3, documentMask: false)
        let model = try example.model()
        let batch = example.batches()[0]
        let losses = try runObjective(JointObjective(), model, [batch])
        let logits = withoutGradient { model.allLogits(Tensor(batch.inputs(), shape: [2, 7])) }
        for head in 1...3 {
            let rows: [Double] = logits[head - 1].logSoftmax(axis: 2).elements()
            var (sum, count) = (0.0, 0)
            for row in 0..<2 {
                for time in 0..<7 {
                    let (here, there) = (row * 10 + time, row * 10 + time + head)
                    guard batch.documents[here] == batch.documents[there] else { continue }
                    sum -= rows[(row * 7 + time) * 11 + Int(batch.tokens[there])]
                    count += 1
                }
            }
            #expect(count == batch.validTargets(head: head))
            #expect(abs(losses[head - 1] - sum / Double(count)) < 1e-10)
        }
    }

    @Test func documentMaskKeepsAttentionInsideDocuments() throws {
        let model = try ObjectiveCase(kind: .parallel, heads: 2, documentMask: true).model()
        let documents = Tensor([Int32](arrayLiteral: 0, 0, 0, 1, 1, 1), shape: [1, 6])
        func second(_ first: [Int64]) -> [Double] {
            withoutGradient {
                model.allLogits(Tensor(first + [4, 5, 6], shape: [1, 6]), documents: documents)[1]
                    .narrowed(axis: 1, from: 3, count: 3).contiguous().elements()
            }
        }
        #expect(second([1, 2, 3]) == second([7, 8, 9]))
    }

    private func softTargets(head: Int) -> SoftTargets {
        var random = SeededGenerator(seed: UInt64(head))
        return SoftTargets(
            head: head, count: 3, tokens: (0..<42).map { _ in .random(in: 0..<11, using: &random) },
            probabilities: (0..<42).map { _ in .random(in: 0..<1, using: &random) })
    }

    @Test func softTargetsGiveTheSameInEveryObjectiveAndByDefinition() throws {
        let model = try ObjectiveCase(kind: .parallel, heads: 2, documentMask: false).model()
        var batch = randomBatch(batch: 2, context: 7, heads: 2, vocabulary: 11, seed: 5)
        batch.softTargets = [softTargets(head: 2)]
        let joint = try runObjective(JointObjective(), model, [batch])
        let reference = model.parameters.map { $0.tensor.gradient?.elements(as: Double.self) ?? [] }

        let soft = batch.softTargets[0]
        let logits = withoutGradient { model.allLogits(Tensor(batch.inputs(), shape: [2, 7])) }
        let rows: [Double] = logits[1].logSoftmax(axis: 2).elements()
        let sum = batch.targets(head: 2).enumerated().reduce(0.0) { sum, item in
            item.element == TokenBatch.ignored
                ? sum
                : (0..<3).reduce(sum) {
                    let index = item.offset * 3 + $1
                    return $0 - Double(soft.probabilities[index]) * rows[item.offset * 11 + Int(soft.tokens[index])]
                }
        }
        #expect(abs(joint[1] - sum / Double(batch.validTargets(head: 2))) < 1e-10)

        for name in [ObjectiveName.sequential, .fused] {
            let losses = try runObjective(name.objective(ObjectiveOptions(logitsBytes: 200)), model, [batch])
            for (a, b) in zip(joint, losses) { #expect(abs(a - b) < 1e-10) }
            for (parameter, expected) in zip(model.parameters, reference) {
                let gradient = try #require(parameter.tensor.gradient).elements(as: Double.self)
                for (a, b) in zip(gradient, expected) { #expect(abs(a - b) < 1e-10, "\(parameter.name)") }
            }
        }
    }

    @Test(arguments: ObjectiveName.allCases)
    func tokensOutsideTheVocabularyAreErrorsThatNameThePlace(name: ObjectiveName) throws {
        let model = try ObjectiveCase(kind: .parallel, heads: 2, documentMask: false).model()
        func error(_ change: (inout TokenBatch) -> Void) -> ObjectiveError? {
            var batch = randomBatch(batch: 2, context: 7, heads: 2, vocabulary: 11, seed: 5, documentLength: 100)
            change(&batch)
            return #expect(throws: ObjectiveError.self) { try runObjective(name.objective(), model, [batch]) }
        }
        // The tokens after the context are targets only.
        #expect(
            error { $0.tokens[9 + 8] = 11 }
                == .targetOutsideVocabulary(head: 2, sequence: 1, position: 6, token: 11, vocabulary: 11))
        #expect(
            error { $0.tokens[9 + 3] = -1 }
                == .inputOutsideVocabulary(sequence: 1, position: 3, token: -1, vocabulary: 11))
        let soft = softTargets(head: 1)
        func changed(_ token: Int32, _ probability: Float) -> SoftTargets {
            var (tokens, probabilities) = (soft.tokens, soft.probabilities)
            (tokens[25], probabilities[25]) = (token, probability)
            return SoftTargets(head: 1, count: 3, tokens: tokens, probabilities: probabilities)
        }
        #expect(
            error { $0.softTargets = [changed(40, 1)] }
                == .targetOutsideVocabulary(head: 1, sequence: 1, position: 1, token: 40, vocabulary: 11))
        #expect(
            error { $0.softTargets = [changed(4, -1)] }
                == .impossibleProbability(head: 1, sequence: 1, position: 1, value: -1))
        #expect(
            error { $0.softTargets = [SoftTargets(head: 1, count: 1, tokens: [1], probabilities: [1])] }
                == .misshapenSoftTargets(head: 1, found: 1, expected: 14))
    }

    /// 11 tokens of 4 bytes, 6 · 12 positions: chunks of one position, of some and a rest, and all at once.
    @Test(arguments: [1, 300, 1 << 20])
    func evaluationInChunksOfPositionsGivesTheSame(logitsBytes: Int) throws {
        let model = try objectiveCases[0].model()
        let hidden = Tensor.normal([6, 12, 8], dtype: .float64, generator: Generator(seed: 1))
        let targets = Tensor((0..<72).map { $0 % 7 == 0 ? TokenBatch.ignored : Int64($0 % 11) })
        withoutGradient {
            let logits = model.logits(hidden).reshaped(-1, 11)
            let (loss, guesses) = model.lossAndGuesses(hidden, targets: targets, logitsBytes: logitsBytes)
            #expect(abs(loss - logits.crossEntropySum(targets: targets).item()) < 1e-10)
            #expect(guesses == logits.argmax(axis: 1).elements(as: Int64.self))
        }
    }

    @Test func fusedIsBitwiseTheSameEveryTime() throws {
        let model = try ObjectiveCase(kind: .parallel, heads: 3, documentMask: false).model(dtype: .float32)
        let batches = (0..<2).map { randomBatch(batch: 4, context: 33, heads: 3, vocabulary: 11, seed: UInt64($0)) }
        func once() throws -> ([Double], [[Float]]) {
            let losses = try runObjective(FusedObjective(ObjectiveOptions(logitsBytes: 4000)), model, batches)
            return (losses, model.parameters.map { $0.tensor.gradient?.elements() ?? [] })
        }
        let first = try once()
        for _ in 0..<5 {
            // What the allocator hands out differs from round to round.
            let hole = try Tensor.zeros([997])
            let again = try once()
            #expect(again.0 == first.0 && again.1 == first.1)
            withExtendedLifetime(hole) {}
        }
    }
}

@Suite struct ObjectiveMemoryTests {
    /// Bytes at the peak beyond weights and their gradients.
    private func peak(
        _ objective: any Objective, heads: Int, vocabulary: Int = 2048, context: Int = 64, kind: HeadKind = .linear
    ) throws -> Int {
        let model = try MultiTokenModel(
            ModelConfiguration(
                vocabulary: vocabulary, width: 16, layers: 8, attentionHeads: 2, feedForwardWidth: 32, heads: heads,
                headKind: kind, contextLength: context),
            seed: 1)
        let batch = randomBatch(
            batch: 2, context: context, heads: heads, vocabulary: vocabulary, seed: 1, documentLength: 1000)
        _ = try runObjective(objective, model, [batch])  // the gradients stay, so that only the transient bytes differ
        let before = Memory.read().current
        Memory.resetPeak()
        for parameter in model.parameters { parameter.tensor.gradient?.zero() }
        let denominators = (1...heads).map { batch.validTargets(head: $0) }
        _ = try objective.accumulateGradients(
            in: model, microbatches: [batch], denominators: denominators,
            headWeights: [Double](repeating: 1, count: heads), onGradientReady: { _ in })
        return Memory.read().peak - before
    }

    /// The paper's claim (section 2): what is in memory at once does not grow with n.
    @Test func peakOfSequentialAndFusedDoesNotGrowWithHeadsWhileThatOfJointDoes() throws {
        let logits = 2 * 64 * 2048 * 4
        let fused = FusedObjective(ObjectiveOptions(logitsBytes: 1 << 16))
        #expect(try peak(SequentialObjective(), heads: 6) - peak(SequentialObjective(), heads: 2) < logits / 4)
        #expect(try peak(JointObjective(), heads: 6) - peak(JointObjective(), heads: 2) > 3 * logits)
        for kind in HeadKind.allCases {
            // The detached input's gradient and small change.
            #expect(try peak(fused, heads: 6, kind: kind) - peak(fused, heads: 2, kind: kind) < 1 << 16)
        }
    }

    @Test func peakOfFusedDoesNotGrowWithTheVocabularyBeyondTheEmbeddingsGradient() throws {
        let fused = FusedObjective(ObjectiveOptions(logitsBytes: 1 << 16))
        // Autograd makes the embedding's gradient [V, D] before it is added to what is there.
        let growth = try peak(fused, heads: 3, vocabulary: 16384) - peak(fused, heads: 3, vocabulary: 2048)
        #expect(growth <= (16384 - 2048) * 16 * 4 + 1 << 16)
        #expect(try peak(SequentialObjective(), heads: 3, vocabulary: 16384) > 2 * 2 * 64 * 16384 * 4)
        #expect(try peak(fused, heads: 3, vocabulary: 16384) < 2 * 64 * 16384 * 4)
    }

    @Test func peakOfFusedGrowsWithTheContextAsIfTheVocabularyWereSmall() throws {
        let fused = FusedObjective(ObjectiveOptions(logitsBytes: 1 << 16))
        func growth(vocabulary: Int) throws -> Int {
            try peak(fused, heads: 3, vocabulary: vocabulary, context: 256)
                - peak(fused, heads: 3, vocabulary: vocabulary, context: 64)
        }
        #expect(try growth(vocabulary: 8192) <= growth(vocabulary: 256) + 1 << 16)
    }
}
