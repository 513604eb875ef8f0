import ForetokenModel
import ForetokenText
import Testing

@testable import ForetokenDecoding

@Suite struct SamplerTests {
    private let logits: [Float] = [0, 2, 1, -1, 1.5, 0.5]

    /// Probabilities of a draw by a direct implementation of the rules: the reference for the filters.
    private func reference(_ sampler: Sampler) -> [Double] {
        let scaled = logits.map { Double($0) / sampler.temperature }
        var remaining = Array(logits.indices)
        let peak = scaled.max() ?? 0
        remaining = remaining.filter { exponential(scaled[$0] - peak) >= sampler.minP }
        remaining.sort { scaled[$0] > scaled[$1] }
        if sampler.topK > 0 { remaining = Array(remaining.prefix(sampler.topK)) }
        let total = remaining.reduce(0) { $0 + exponential(scaled[$1]) }
        var held = 0.0
        remaining = remaining.filter { index in
            defer { held += exponential(scaled[index]) / total }
            return held < sampler.topP || index == remaining.first
        }
        let mass = remaining.reduce(0) { $0 + exponential(scaled[$1]) }
        return logits.indices.map { remaining.contains($0) ? exponential(scaled[$0]) / mass : 0 }
    }

    private func exponential(_ x: Double) -> Double {
        var (term, sum) = (1.0, 1.0)
        for i in 1...60 {
            term *= x / Double(i)
            sum += term
        }
        return sum
    }

    /// 20,000 draws; five standard deviations of chi-square about its mean.
    @Test(arguments: [(0, 1.0, 0.0), (3, 1, 0), (0, 0.7, 0), (0, 1, 0.3), (5, 0.8, 0.1), (1, 1, 0), (0, 0.01, 0)])
    func drawsFollowTheFilteredDistribution(topK: Int, topP: Double, minP: Double) throws {
        var sampler = Sampler(temperature: 0.8, seed: 3)
        (sampler.topK, sampler.topP, sampler.minP) = (topK, topP, minP)
        var counts = [Double](repeating: 0, count: logits.count)
        for position in 0..<20_000 { counts[Int(try sampler.token(logits, position: position) ?? 0)] += 1 }
        let expected = reference(sampler).map { $0 * 20_000 }
        var (statistic, freedom) = (0.0, -1.0)
        for (count, mean) in zip(counts, expected) {
            if mean == 0 {
                #expect(count == 0)
            } else {
                statistic += (count - mean) * (count - mean) / mean
                freedom += 1
            }
        }
        #expect(statistic <= freedom + 5 * (2 * max(1, freedom)).squareRoot())
    }

    @Test func penaltiesAndBiasChangeTheChoiceAsTheySay() throws {
        var history = TokenHistory(prompt: [1])
        history.append(4)
        history.append(4)
        var sampler = Sampler()
        #expect(try sampler.token(logits, position: 0, history: history) == 1)
        sampler.repetitionPenalty = 2  // 1 → 1, 4 → 0.75: now 1 and 2 tie at 1, the first wins
        #expect(try sampler.token(logits, position: 0, history: history) == 1)
        sampler.repetitionPenalty = 2.1
        #expect(try sampler.token(logits, position: 0, history: history) == 2)
        sampler = Sampler()
        sampler.logitBias = [1: -1]  // 1 → 1, 4 stays at 1.5
        #expect(try sampler.token(logits, position: 0, history: history) == 4)
        sampler.frequencyPenalty = 0.2  // 4 → 1.1
        #expect(try sampler.token(logits, position: 0, history: history) == 4)
        sampler.presencePenalty = 0.2  // 4 → 0.9: 1 and 2 tie at 1
        #expect(try sampler.token(logits, position: 0, history: history) == 1)
        history.remove(4)
        history.remove(4)
        #expect(try sampler.token(logits, position: 0, history: history) == 4)
    }

    /// Every text of three tokens over a vocabulary of three: the probability of each is the product of head 1's, however
    /// many drafts are right. Enumeration of all 27, against the noise of 30,000 seeds.
    @Test func aBlocksDistributionIsThatOfItsTokensOneByOne() throws {
        let sampler = { (seed: UInt64) in Sampler(temperature: 1, seed: seed) }
        func conditional(_ last: Int) -> [Float] { [[0, 1, -1], [1, 0, 0.5], [-0.5, 0.3, 0.2]][last] }
        func probabilities(_ last: Int) -> [Double] {
            let weights = conditional(last).map { exponential(Double($0)) }
            return weights.map { $0 / weights.reduce(0, +) }
        }
        var counts = [Double](repeating: 0, count: 27)
        let draws = 30_000
        for seed in 0..<draws {
            var (last, text) = (0, 0)
            for position in 0..<3 {
                // The draft sees another distribution with the same noise; acceptance is equality with head 1's token.
                let draft = try sampler(UInt64(seed)).token([0, 0.5, 0], position: position)
                let token = try sampler(UInt64(seed)).token(conditional(last), position: position)
                last = Int((draft == token ? draft : token) ?? 0)
                text = text * 3 + last
            }
            counts[text] += 1
        }
        var statistic = 0.0
        for text in 0..<27 {
            let (a, b, c) = (text / 9, text / 3 % 3, text % 3)
            let mean = probabilities(0)[a] * probabilities(a)[b] * probabilities(b)[c] * Double(draws)
            statistic += (counts[text] - mean) * (counts[text] - mean) / mean
        }
        #expect(statistic < 26 + 5 * 52.0.squareRoot())
    }

    @Test func invalidSettingsAreRefused() throws {
        func problem(_ change: (inout Sampler) -> Void) -> DecodingError? {
            var sampler = Sampler()
            change(&sampler)
            do throws(DecodingError) {
                try sampler.validate(vocabulary: 6)
                return nil
            } catch {
                return error
            }
        }
        #expect(problem { _ in } == nil)
        #expect(problem { $0.temperature = -1 } != nil)
        #expect(problem { $0.temperature = .nan } != nil)
        #expect(problem { $0.topK = -1 } != nil)
        #expect(problem { $0.topP = 0 } != nil)
        #expect(problem { $0.topP = 1.1 } != nil)
        #expect(problem { $0.minP = 2 } != nil)
        #expect(problem { $0.repetitionPenalty = 0 } != nil)
        #expect(problem { $0.frequencyPenalty = .infinity } != nil)
        #expect(problem { $0.logitBias = [6: 1] } == .tokenOutOfRange(token: 6, vocabulary: 6))
    }
}
