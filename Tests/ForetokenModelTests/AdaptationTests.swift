import ForetokenTraining
import Foundation
import Testing
import Torch

@testable import ForetokenModel

private func base(
    _ kind: HeadKind, heads: Int, unembedding: UnembeddingKind = .shared, finalNorm: FinalNormKind = .shared
) throws -> MultiTokenModel {
    var configuration = ModelConfiguration(
        vocabulary: 20, width: 8, layers: 6, attentionHeads: 2, keyValueHeads: 1, feedForwardWidth: 12,
        heads: heads, headKind: kind, unembedding: unembedding, contextLength: 10)
    configuration.finalNorm = finalNorm
    let model = try MultiTokenModel(configuration, seed: 1)
    // Norms begin at 1.
    for parameter in model.parameters where !parameter.isMatrix {
        parameter.tensor.assign(Tensor((0..<8).map { Float($0 + parameter.name.utf8.count % 5) * 0.1 + 0.5 }))
    }
    return model
}

private func logits(_ model: MultiTokenModel) -> [[Float]] {
    let tokens = Tensor((0..<9).map { Int64($0 * 7 % 20) }, shape: [1, 9])
    return withoutGradient { model.allLogits(tokens).map { $0.elements() } }
}

@Suite struct AdaptationTests {
    /// Every allowed adaptation keeps the logits of head 1 and of the kept heads bitwise.
    @Test(arguments: HeadKind.allCases, HeadKind.allCases)
    func nextTokenDecodingStaysTheSame(from: HeadKind, to: HeadKind) throws {
        var made = 0
        for (heads, finalNorm) in [(1, FinalNormKind.shared), (4, .shared), (4, .replicated)] {
            for unembedding in UnembeddingKind.allCases {
                let original = try base(from, heads: heads, unembedding: unembedding, finalNorm: finalNorm)
                let before = logits(original)
                for (count, newHeads) in [(1, NewHeads.copied), (2, .copied), (4, .fresh), (5, .copied)] {
                    guard
                        let configuration = try? original.configuration.adapted(
                            heads: count, headKind: to, unembedding: unembedding)
                    else { continue }
                    let model = try MultiTokenModel(configuration, adapting: original, newHeads: newHeads, seed: 2)
                    made += 1
                    #expect(configuration.finalNorm == (from == to ? finalNorm : .shared))
                    let after = logits(model)
                    let kept = model.keptHeads(of: original)
                    #expect(kept == (from == to ? min(heads, count) : 1))
                    for head in 0..<kept { #expect(after[head] == before[head], "head \(head + 1) of \(count)") }
                    // A copied head gives head 1's logits if it has the same input.
                    if newHeads == .copied, to == .parallel || to == .linear {
                        for head in kept..<max(kept, count) { #expect(after[head] == before[0]) }
                    }
                    if newHeads == .fresh, count > kept { #expect(after[count - 1] != before[0]) }
                }
            }
        }
        let isPossible = (from != .linear || to == .linear) && (to != .anticausal || from == to)
        #expect(made > 0 || !isPossible)
    }

    @Test func adaptationsThatChangeNextTokenDecodingAreRefused() throws {
        func sentence(_ from: HeadKind, _ heads: Int, _ to: HeadKind, _ count: Int) throws -> String {
            let configuration = try base(from, heads: heads).configuration
            let error = #expect(throws: ModelError.self) {
                try configuration.adapted(heads: count, headKind: to, unembedding: .shared)
            }
            return error?.description ?? ""
        }
        #expect(try sentence(.linear, 2, .parallel, 2).contains("must be linear"))
        #expect(try sentence(.anticausal, 2, .anticausal, 3).contains("depends on the others"))
        #expect(try sentence(.parallel, 1, .anticausal, 2).contains("depends on the others"))
        let own = try base(.parallel, heads: 3, unembedding: .replicated).configuration
        #expect(throws: ModelError.self) { try own.adapted(heads: 2, headKind: .parallel, unembedding: .shared) }
        #expect(throws: Never.self) { try own.adapted(heads: 1, headKind: .parallel, unembedding: .shared) }
    }
}
