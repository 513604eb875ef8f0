import ForetokenModel
import ForetokenText
import Foundation
import Testing
import Torch

@testable import ForetokenTraining

private struct Shape: Sendable, CustomTestStringConvertible {
    var vocabulary = 258
    var width = 32
    var layers = 6
    var inner: Int? = 96
    var heads = 3
    var kind = HeadKind.parallel
    var batch = 4
    var context = 64
    var accumulation = 1
    var tied = false
    var keyValueHeads: Int?
    var unembedding = UnembeddingKind.shared
    var isFrozen = false
    var testDescription: String {
        "V\(vocabulary) D\(width) L\(layers) F\(inner ?? 0) n\(heads) \(kind) \(unembedding) B\(batch) T\(context) "
            + "x\(accumulation)" + (isFrozen ? " frozen" : "")
    }
}

/// Activations lead, weights lead, logits lead; deep, wide, long, many heads, linear heads, several micro-batches.
private let shapes = [
    Shape(), Shape(layers: 1, heads: 1), Shape(width: 64, layers: 12, inner: nil, heads: 1, batch: 8),
    Shape(vocabulary: 4000, heads: 4),
    Shape(width: 128, layers: 5, inner: 384, heads: 2, batch: 1, context: 16),
    Shape(heads: 4, kind: .linear, tied: true),
    Shape(batch: 2, accumulation: 3), Shape(vocabulary: 1000, batch: 1, context: 256, keyValueHeads: 1),
    Shape(inner: 16, batch: 8), Shape(kind: .causal), Shape(heads: 4, kind: .anticausal), Shape(kind: .deepseek),
    Shape(vocabulary: 4000, heads: 4, kind: .deepseek), Shape(width: 64, layers: 8, heads: 6, kind: .causal),
    Shape(kind: .deepseek, batch: 2, accumulation: 3), Shape(heads: 4, unembedding: .replicated),
    Shape(vocabulary: 4000, heads: 3, kind: .causal, tied: true, unembedding: .replicated),
    Shape(vocabulary: 1000, kind: .linear, unembedding: .replicated), Shape(isFrozen: true),
    Shape(vocabulary: 4000, kind: .deepseek, isFrozen: true),
    Shape(vocabulary: 1000, kind: .linear, accumulation: 2, unembedding: .replicated, isFrozen: true),
]

@Suite(.serialized) struct MemoryEstimateTests {
    @Test(arguments: shapes, ObjectiveName.allCases)
    private func theEstimateIsWithinATenthOfTheMeter(shape: Shape, objective: ObjectiveName) throws {
        // With more threads than sequences times key heads LibTorch's attention runs, and buffers grow with the threads: the
        // estimate is of batches that keep all threads busy.
        let threads = LibTorch.threads
        LibTorch.threads = 2
        defer { LibTorch.threads = threads }
        for recompute in Recomputation.allCases {
            var recipe = Recipe()
            recipe.model.contextLength = shape.context
            recipe.training.batchSize = shape.batch
            recipe.training.accumulation = shape.accumulation
            recipe.training.objective = objective
            recipe.memory.recompute = recompute
            recipe.training.freezeTrunk = shape.isFrozen
            let configuration = ModelConfiguration(
                vocabulary: shape.vocabulary, width: shape.width, layers: shape.layers, attentionHeads: 2,
                keyValueHeads: shape.keyValueHeads, feedForwardWidth: shape.inner, heads: shape.heads,
                headKind: shape.kind, unembedding: shape.unembedding, contextLength: shape.context,
                tieEmbeddings: shape.tied)
            let estimate = try MemoryEstimate(recipe, configuration: configuration)

            let before = Memory.read().current
            let model = try MultiTokenModel(configuration, seed: 1)
            if shape.isFrozen { model.freezeNextTokenPath() }
            let optimizer = try AdamW(
                model.parameters.filter { !$0.isFrozen }, betas: (0.9, 0.95), epsilon: 1e-8, decay: 0)
            #expect(Memory.read().current - before == estimate.weights + estimate.optimizer)
            let batches = (0..<shape.accumulation).map {
                randomBatch(
                    batch: shape.batch, context: shape.context, heads: shape.heads, vocabulary: shape.vocabulary,
                    seed: UInt64($0), documentLength: 1000)
            }
            Memory.resetPeak()
            _ = try objective.objective(ObjectiveOptions(recompute: recompute, detachTrunk: shape.isFrozen))
                .accumulateGradients(
                    in: model, microbatches: batches,
                    denominators: (1...shape.heads).map { head in batches.reduce(0) { $0 + $1.validTargets(head: head) }
                    },
                    headWeights: [Double](repeating: 1, count: shape.heads), onGradientReady: { _ in })
            optimizer.update(rate: 1e-3)
            let measured = Memory.read().peak - before
            let ratio = Double(estimate.peak) / Double(measured)
            #expect(
                (0.9...1.1).contains(ratio), "\(recompute): predicted \(estimate.peak), measured \(measured): \(ratio)")
        }
    }

    /// What imported families have beside Llama's matrices.
    @Test(arguments: [(AttentionBias.none, true), (.inputs, false), (.all, false), (.all, true)])
    func biasesAndNormsOfAttentionAreCounted(variant: (bias: AttentionBias, norm: Bool)) throws {
        var configuration = ModelConfiguration(
            vocabulary: 50, width: 16, layers: 4, attentionHeads: 2, keyValueHeads: 1, feedForwardWidth: 24, heads: 2,
            contextLength: 8)
        (configuration.attentionBias, configuration.queryKeyNorm) = variant
        configuration.feedForwardBias = variant.1
        configuration.finalNorm = variant.1 ? .replicated : .shared
        let model = try MultiTokenModel(configuration, seed: nil)
        for isFrozen in [false, true] {
            var recipe = Recipe()
            recipe.training.freezeTrunk = isFrozen
            if isFrozen { model.freezeNextTokenPath() }
            let estimate = try MemoryEstimate(recipe, configuration: configuration)
            #expect(estimate.weights == model.parameters.reduce(0) { $0 + 4 * $1.tensor.count })
            let learnt = model.parameters.reduce(0) { $0 + ($1.isFrozen ? 0 : 4 * $1.tensor.count) }
            #expect(estimate.gradients == learnt && estimate.optimizer == 2 * learnt)
        }
    }
}
