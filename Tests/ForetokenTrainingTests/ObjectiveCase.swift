import ForetokenFormats
import ForetokenModel
import ForetokenText
import Testing
import Torch

@testable import ForetokenTraining

/// A tiny model with two batches, for comparing objectives.
struct ObjectiveCase: Sendable, CustomTestStringConvertible {
    let kind: HeadKind
    let heads: Int
    let documentMask: Bool
    var tied = false
    var unembedding = UnembeddingKind.shared
    var finalNorm = FinalNormKind.shared
    var testDescription: String {
        "\(kind) n=\(heads) mask=\(documentMask) tied=\(tied) \(unembedding) norm=\(finalNorm)"
    }

    func model(seed: UInt64 = 3, dtype: DType = .float64) throws -> MultiTokenModel {
        var configuration = ModelConfiguration(
            vocabulary: 11, width: 8, layers: heads + 2, attentionHeads: 2, keyValueHeads: 1, feedForwardWidth: 12,
            heads: heads, headKind: kind, unembedding: unembedding, contextLength: 12, tieEmbeddings: tied,
            documentMask: documentMask)
        configuration.finalNorm = finalNorm
        return try MultiTokenModel(configuration, seed: seed, dtype: dtype)
    }

    /// Documents of six tokens: with five, only the first token of one has a target of head 4, which sees nothing but itself if
    /// attention stops at documents: its queries and keys then have no gradient, but for what an instruction set rounds.
    func batches() -> [TokenBatch] {
        (0..<2).map {
            randomBatch(batch: 2, context: 7, heads: heads, vocabulary: 11, seed: UInt64($0), documentLength: 6)
        }
    }
}

let objectiveCases = HeadKind.allCases.flatMap { kind in
    [1, 2, 4].flatMap { heads in [false, true].map { ObjectiveCase(kind: kind, heads: heads, documentMask: $0) } }
        + [
            ObjectiveCase(kind: kind, heads: 3, documentMask: false, tied: true),
            ObjectiveCase(kind: kind, heads: 3, documentMask: false, tied: true, unembedding: .replicated),
            ObjectiveCase(kind: kind, heads: 2, documentMask: false, unembedding: .replicated),
            ObjectiveCase(kind: kind, heads: 3, documentMask: true, finalNorm: .replicated),
            ObjectiveCase(kind: kind, heads: 2, documentMask: false, tied: true, finalNorm: .replicated),
            ObjectiveCase(kind: kind, heads: 2, documentMask: false, unembedding: .replicated, finalNorm: .replicated),
        ]
}

func runObjective(
    _ objective: any Objective, _ model: MultiTokenModel, _ batches: [TokenBatch], weights: [Double]? = nil,
    ready: (Parameter) -> Void = { _ in }
) throws -> [Double] {
    let heads = model.heads.count
    let denominators = (1...heads).map { head in batches.reduce(0) { $0 + $1.validTargets(head: head) } }
    for parameter in model.parameters { parameter.tensor.gradient = nil }
    return try objective.accumulateGradients(
        in: model, microbatches: batches, denominators: denominators,
        headWeights: weights ?? [Double](repeating: 1, count: heads), onGradientReady: ready)
}
