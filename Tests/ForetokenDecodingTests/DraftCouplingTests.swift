import ForetokenFiles
import ForetokenModel
import ForetokenText
import ForetokenTraining
import Foundation
import Testing
import Torch

@testable import ForetokenDecoding

@Suite struct DraftCouplingTests {
    private func distribution(_ logits: [Float], temperature: Double) -> [Double] {
        let exponentials = logits.map { exp(Double($0) / temperature) }
        let sum = exponentials.reduce(0, +)
        return exponentials.map { $0 / sum }
    }

    /// The formula against the definition, in float64, and against what the sampler does 40,000 times: 0.012 is almost five
    /// standard errors.
    @Test(arguments: [UInt64](1...6))
    func keyedNoiseKeepsWhatTheFormulaSays(seed: UInt64) throws {
        var random = Numbers(state: seed)
        let size = Int.random(in: 2...12, using: &random)
        let a: [Float] = (0..<size).map { _ in .random(in: -2...2, using: &random) }
        let b: [Float] = (0..<size).map { _ in .random(in: -2...2, using: &random) }
        let (p, q) = (distribution(a, temperature: 0.7), distribution(b, temperature: 0.7))
        let formula = DraftCoupling.keyedNoise(p, q)
        var definition = 0.0
        for x in 0..<size {
            let ratios: [Double] = (0..<size).map { y in max(p[y] / p[x], q[y] / q[x]) }
            definition += 1 / ratios.reduce(0, +)
        }
        #expect(abs(formula - definition) < 1e-12)
        let sampler = Sampler(temperature: 0.7, seed: seed)
        let equal = try (0..<40_000).count { try sampler.token(a, position: $0) == sampler.token(b, position: $0) }
        #expect(abs(Double(equal) / 40_000 - formula) < 0.012)
        #expect(formula <= DraftCoupling.rejection(p, q) + 1e-12)
    }

    /// In float64.
    @Test func equalDistributionsKeepAllAndDisjointOnesNothing() {
        #expect(abs(DraftCoupling.keyedNoise([0.2, 0.3, 0.5], [0.2, 0.3, 0.5]) - 1) < 1e-12)
        #expect(DraftCoupling.keyedNoise([0.4, 0.6, 0, 0], [0, 0, 0.5, 0.5]) == 0)
        #expect(abs(DraftCoupling.rejection([0.5, 0.5, 0], [0, 0.5, 0.5]) - 0.5) < 1e-12)
        #expect(abs(DraftCoupling.keyedNoise([0.5, 0.5, 0], [0, 0.5, 0.5]) - 1.0 / 3) < 1e-12)
    }

    @Test @ComputeActor func aModelsDraftsAreComparedWithHeadOneLater() throws {
        let model = try TinyModels.trained(.linear, heads: 3)
        let text = [256] + ByteTokenizer().encode("for i in range(10):")
        let found = SampledAcceptance(model.configuration, texts: [text]) { model.distributions($0, temperature: 0.8) }
        #expect(found.keyedNoise.count == 2)
        for (keyed, best) in zip(found.keyedNoise, found.rejection) { #expect(keyed > 0 && keyed <= best && best <= 1) }
        // Cold, both are the agreement of first choices.
        let logits: [[Float]] = withoutGradient {
            model.allLogits(Tensor(text.map(Int64.init), shape: [1, text.count])).map { $0.elements() }
        }
        let vocabulary = model.configuration.vocabulary
        func first(_ head: Int, _ position: Int) -> Int {
            let row = logits[head - 1][position * vocabulary..<(position + 1) * vocabulary]
            return row.indices.max { row[$0] < row[$1] }.map { $0 - row.startIndex } ?? 0
        }
        let cold = SampledAcceptance(model.configuration, texts: [text]) { model.distributions($0, temperature: 1e-3) }
        for head in 2...3 {
            let positions = text.count - 3
            let agreeing = (0..<positions).count { first(1, $0 + head - 1) == first(head, $0) }
            // One of the 17 positions may be a near tie: two logits that differ by less than a few thousandths.
            #expect(abs(cold.rejection[head - 2] - Double(agreeing) / Double(positions)) < 0.06)
        }
    }
}

private struct Numbers: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state >> 33) ^ (state << 31) ^ state
    }
}
