import ForetokenModel
import ForetokenText
import Foundation
import Testing
import Torch

@testable import ForetokenTraining

private struct Case: Sendable, CustomTestStringConvertible {
    let kind: HeadKind
    let heads: Int
    let documentMask: Bool
    var testDescription: String { "\(kind) n=\(heads) mask=\(documentMask)" }

    func model(seed: UInt64 = 3) throws -> MultiTokenModel {
        try MultiTokenModel(
            ModelConfiguration(
                vocabulary: 11, width: 8, layers: heads + 2, attentionHeads: 2, keyValueHeads: 1, feedForwardWidth: 12,
                heads: heads, headKind: kind, context: 12, documentMask: documentMask),
            seed: seed, dtype: .float64)
    }

    func batches() -> [TokenBatch] {
        (0..<2).map { randomBatch(batch: 2, context: 7, heads: heads, vocabulary: 11, seed: UInt64($0)) }
    }
}

private let cases = HeadKind.allCases.flatMap { kind in
    [1, 2, 4].flatMap { heads in [false, true].map { Case(kind: kind, heads: heads, documentMask: $0) } }
}

private func run(
    _ objective: any Objective, _ model: MultiTokenModel, _ batches: [TokenBatch], weights: [Double]? = nil,
    ready: (Parameter) -> Void = { _ in }
) throws -> [Double] {
    let heads = model.heads.count
    let denominators = (1...heads).map { head in batches.reduce(0) { $0 + $1.validTargets(head: head) } }
    for parameter in model.parameters { parameter.tensor.gradient = nil }
    return try objective.forwardBackward(
        model, microbatches: batches, denominators: denominators,
        headWeights: weights ?? [Double](repeating: 1, count: heads), onGradientReady: ready)
}

@Suite struct ObjectiveTests {
    @Test(arguments: cases)
    private func sequentialAndJointGiveTheSameLossesAndGradients(example: Case) throws {
        let model = try example.model()
        let weights = (1...example.heads).map { 1 / Double($0) }
        let joint = try run(JointObjective(), model, example.batches(), weights: weights)
        let reference = model.parameters.map { $0.tensor.gradient?.elements(as: Double.self) ?? [] }
        var ready: [String] = []
        let sequential = try run(SequentialObjective(), model, example.batches(), weights: weights) {
            ready.append($0.name)
        }
        for (a, b) in zip(joint, sequential) { #expect(abs(a - b) < 1e-10) }
        for (parameter, expected) in zip(model.parameters, reference) {
            let gradient = try #require(parameter.tensor.gradient).elements(as: Double.self)
            #expect(gradient.contains { $0 != 0 }, "\(parameter.name) gets no gradient")
            for (a, b) in zip(gradient, expected) { #expect(abs(a - b) < 1e-10) }
        }
        #expect(ready.sorted() == model.parameters.map(\.name).sorted(), "each parameter is ready exactly once")
    }

    /// Blocks that run again give the same gradients, whatever the objective.
    @Test(arguments: cases)
    private func recomputedBlocksGiveTheSameLossesAndGradients(example: Case) throws {
        let model = try example.model()
        for name in ObjectiveName.allCases {
            let kept = try run(name.objective(), model, example.batches())
            let reference = model.parameters.map { $0.tensor.gradient?.elements(as: Double.self) ?? [] }
            let recomputed = try run(name.objective(recompute: .blocks), model, example.batches())
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
                    context: 64),
                seed: 1)
            let batch = randomBatch(batch: 8, context: 64, heads: 1, vocabulary: 16, seed: 1)
            let before = Memory.read().current
            Memory.resetPeak()
            _ = try run(SequentialObjective(recompute: recompute), model, [batch])
            return Memory.read().peak - before
        }
        let hidden = 8 * 64 * 16 * 4
        func extra(_ recompute: Recomputation) throws -> Int {
            try peak(recompute, layers: 15) - peak(recompute, layers: 3)
        }
        #expect(try extra(.blocks) < 12 * (hidden + hidden / 2))  // and the gradients of 12 small blocks
        #expect(try extra(.none) > 12 * 10 * hidden)
    }

    /// Central differences in float64 at ε = 1e-6 are right to about 1e-9; three entries of every parameter.
    @Test(arguments: cases.filter { $0.heads == 2 })
    private func gradientsEqualFiniteDifferences(example: Case) throws {
        let model = try example.model()
        let batches = example.batches()
        _ = try run(SequentialObjective(), model, batches)
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
                    return try run(SequentialObjective(), model, batches).reduce(0, +)
                }
                let slope = (try loss(epsilon) - loss(-epsilon)) / (2 * epsilon)
                #expect(abs(slope - gradient[index]) < 1e-7, "\(parameter.name)[\(index)]")
            }
            parameter.tensor.assign(Tensor(values, shape: shape))
        }
    }

    @Test func lossesAreMeansOverTheTargetsThatStayInTheirDocument() throws {
        let example = Case(kind: .parallel, heads: 3, documentMask: false)
        let model = try example.model()
        let batch = example.batches()[0]
        let losses = try run(JointObjective(), model, [batch])
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
        let model = try Case(kind: .parallel, heads: 2, documentMask: true).model()
        let documents = Tensor([Int32](arrayLiteral: 0, 0, 0, 1, 1, 1), shape: [1, 6])
        func second(_ first: [Int64]) -> [Double] {
            withoutGradient {
                model.allLogits(Tensor(first + [4, 5, 6], shape: [1, 6]), documents: documents)[1]
                    .narrowed(axis: 1, from: 3, count: 3).contiguous().elements()
            }
        }
        #expect(second([1, 2, 3]) == second([7, 8, 9]))
    }

    /// The paper's claim (section 2): what is in memory at once does not grow with n.
    @Test func peakBytesOfSequentialDoNotGrowWithHeadsWhileThoseOfJointDo() throws {
        func peak(_ objective: any Objective, heads: Int) throws -> Int {
            let model = try MultiTokenModel(
                ModelConfiguration(
                    vocabulary: 2048, width: 16, layers: 8, attentionHeads: 2, feedForwardWidth: 32, heads: heads,
                    headKind: .linear, context: 64),
                seed: 1)
            let batch = randomBatch(batch: 2, context: 64, heads: heads, vocabulary: 2048, seed: 1, documentLength: 100)
            _ = try run(objective, model, [batch])  // the gradients stay, so that only the transient bytes differ
            let before = Memory.read().current
            Memory.resetPeak()
            for parameter in model.parameters { parameter.tensor.gradient?.zero() }
            let denominators = (1...heads).map { batch.validTargets(head: $0) }
            _ = try objective.forwardBackward(
                model, microbatches: [batch], denominators: denominators,
                headWeights: [Double](repeating: 1, count: heads), onGradientReady: { _ in })
            return Memory.read().peak - before
        }
        let logits = 2 * 64 * 2048 * 4
        #expect(try peak(SequentialObjective(), heads: 6) - peak(SequentialObjective(), heads: 2) < logits / 4)
        #expect(try peak(JointObjective(), heads: 6) - peak(JointObjective(), heads: 2) > 3 * logits)
    }
}
