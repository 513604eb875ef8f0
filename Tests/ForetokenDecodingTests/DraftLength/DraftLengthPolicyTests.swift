import Testing

@testable import ForetokenDecoding

@Suite struct DraftLengthPolicyTests {
    @Test func theDraftLengthFollowsAcceptance() {
        let policy = policy { 1 + 0.1 * Double($0 - 1) }
        for length in 1...3 { policy.recordDrafting([length], seconds: 0.1) }
        let (good, hopeless) = (sequence(accepted: 3), sequence(accepted: 0))
        #expect(policy.draftCounts(for: [good]) == [3])
        #expect(policy.draftCounts(for: [hopeless]) == [0])
        #expect(policy.draftCounts(for: [hopeless, good]) == [0, 3])
    }

    @Test(arguments: [false, true]) func failedDraftsAreTriedAgain(besideOthers: Bool) {
        let policy = policy { 1 + 0.2 * Double($0 - 1) }
        let hopeless = sequence(accepted: 0)
        let others = besideOthers ? [sequence(accepted: 3)] : []
        var tries: [Int] = []
        for pass in 0..<300 {
            let count = policy.draftCounts(for: [hopeless] + others)[0]
            hopeless.acceptance.update(accepted: 0, of: count)
            if count > 0 { tries.append(pass) }
        }
        // After 32 passes without drafts, then 64, then 128: the fourth would be in pass 483.
        #expect(tries == [32, 97, 226])
    }

    @Test func aNewSequenceBeginsWithWhatTheOthersShowed() {
        let policy = policy { 1 + 0.2 * Double($0 - 1) }
        let hopeless = newSequence()
        #expect(policy.draftCounts(for: [hopeless]) == [3])
        for _ in 0..<50 { hopeless.acceptance.update(accepted: 0, of: 3) }
        let new = newSequence()
        #expect(policy.draftCounts(for: [new]) == [0])
        // And it learns for itself.
        for _ in 0..<40 { new.acceptance.update(accepted: 3, of: 3) }
        #expect(policy.draftCounts(for: [new]) == [3])
    }

    @Test func nothingIsDraftedWhereATokenCostsAsMuchAsAPass() {
        let policy = policy { Double($0) }
        policy.recordDrafting([1], seconds: 0.5)
        #expect(policy.draftCounts(for: [sequence(accepted: 3)]) == [0])
    }

    @Test func sequencesThatAreNotAdaptiveGetTheirLimit() {
        let policy = policy { Double($0) }
        let fixed = DraftLengthPolicy.Sequence(acceptance: AcceptanceModel(length: 3), limit: 2, isAdaptive: false)
        #expect(policy.draftCounts(for: [fixed, sequence(accepted: 0)]) == [2, 0])
    }

    /// A time measured while another program ran does not keep a draft length away for good.
    @Test func aSlowMeasurementIsRepeated() {
        let policy = DraftLengthPolicy()
        for tokens in [1, 2, 3] {
            for _ in 0..<20 { policy.recordPass(tokens: tokens, seconds: 1 + 0.05 * Double(tokens)) }
        }
        policy.recordPass(tokens: 4, seconds: 5)
        let counts = passes(300, policy, sequence(accepted: 3)) { 1 + 0.05 * Double($0) }
        #expect(counts.suffix(100).count { $0 == 3 } > 90)
    }

    /// Nor do times measured while the machine was faster make tokens look free for good.
    @Test func timesOfAFasterMachineAreForgotten() {
        let policy = policy { 1 + 0.01 * Double($0) }
        let good = sequence(accepted: 3)
        let before = passes(100, policy, good, draft: 0.05) { 1 + 0.01 * Double($0) }
        #expect(before.suffix(50).count { $0 == 3 } > 45)
        // Each token costs as much as a pass, and a draft half of that.
        let after = passes(600, policy, good, draft: 0.5) { Double($0) }
        #expect(after.suffix(100).count { $0 == 0 } > 85)
    }

    /// Where drafts are made one after another, each costs; where they are made at once, all heads run over all sequences.
    @Test(arguments: [(true, [3, 1]), (false, [1, 1])]) func draftingCostsByItsKind(isStepwise: Bool, counts: [Int]) {
        let policy = DraftLengthPolicy(isStepwise: isStepwise)
        for _ in 0..<40 {
            for tokens in 1...8 { policy.recordPass(tokens: tokens, seconds: 1) }
            for length in 1...6 { policy.recordDrafting([length], seconds: 0.2 * Double(length)) }
        }
        // 3 and 1 are four steps, 6 tokens in 1.8; at once they are three heads over two sequences, 6 in 2.2, and 1 and 1 are
        // one, 4 in 1.4.
        let short = DraftLengthPolicy.Sequence(acceptance: sequence(accepted: 3).acceptance, limit: 1, isAdaptive: true)
        #expect(policy.draftCounts(for: [sequence(accepted: 3), short]) == counts)
    }

    /// A policy that has measured passes of 1 to 8 tokens.
    private func policy(_ seconds: (Int) -> Double) -> DraftLengthPolicy {
        let policy = DraftLengthPolicy()
        for tokens in 1...8 { for _ in 0..<4 { policy.recordPass(tokens: tokens, seconds: seconds(tokens)) } }
        return policy
    }

    /// The numbers of drafts of a sequence whose drafts are all accepted, on a machine that takes so long.
    private func passes(
        _ count: Int, _ policy: DraftLengthPolicy, _ sequence: DraftLengthPolicy.Sequence, draft: Double = 0,
        seconds: (Int) -> Double
    ) -> [Int] {
        (0..<count).map { _ in
            let drafts = policy.draftCounts(for: [sequence])[0]
            policy.recordDrafting([drafts], seconds: draft * Double(drafts))
            policy.recordPass(tokens: 1 + drafts, seconds: seconds(1 + drafts))
            sequence.acceptance.update(accepted: drafts, of: drafts)
            return drafts
        }
    }

    private func newSequence() -> DraftLengthPolicy.Sequence {
        DraftLengthPolicy.Sequence(acceptance: AcceptanceModel(length: 3), limit: 3, isAdaptive: true)
    }

    /// A sequence that has verified three drafts so often that what others show hardly counts.
    private func sequence(accepted: Int, times: Int = 5000) -> DraftLengthPolicy.Sequence {
        let acceptance = AcceptanceModel(length: 3, constants: .init(window: 2000))
        for _ in 0..<times { acceptance.update(accepted: accepted, of: 3) }
        return DraftLengthPolicy.Sequence(acceptance: acceptance, limit: 3, isAdaptive: true)
    }
}

@Suite struct AcceptanceModelTests {
    /// Against the closed form: independent drafts accepted with probability p at each position.
    @Test func ratesAreThoseOfThePositionGivenTheOnesBefore() {
        let model = AcceptanceModel(length: 4)
        model.share(AcceptancePrior())
        let probabilities = [0.9, 0.5, 0.7, 0.2]
        var state: UInt64 = 1
        var sums = [Double](repeating: 0, count: 4)
        let passes = 20_000
        for pass in 0..<2 * passes {
            let accepted = probabilities.prefix {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Double(state >> 11) * 0x1p-53 < $0
            }.count
            model.update(accepted: accepted, of: 4)
            if pass >= passes { for position in 0..<4 { sums[position] += model.rate(at: position) } }
        }
        // The mean over n passes of an estimate over the latest passes: five standard errors of the rarest position, which
        // is seen in 0.315 of the passes.
        for (sum, probability) in zip(sums, probabilities) {
            #expect(abs(sum / Double(passes) - probability) < 5 * (0.25 / (0.315 * Double(passes))).squareRoot())
        }
    }

    @Test func positionsAfterARejectedDraftShowNothing() {
        let model = AcceptanceModel(length: 4)
        func rates() -> [Double] { (0..<4).map(model.rate) }
        let before = rates()
        for _ in 0..<200 { model.update(accepted: 1, of: 4) }
        #expect(rates()[0] > 0.9 && rates()[1] < 0.3)
        #expect(rates()[2...] == before[2...])
        // Nor those that were not drafted, though all before were accepted.
        for _ in 0..<200 { model.update(accepted: 2, of: 2) }
        #expect(rates()[1] > 0.9 && rates()[2...] == before[2...])
    }

    @Test func failingTriesBecomeRarer() {
        let model = AcceptanceModel(length: 2)
        var intervals: [Int] = []
        for _ in 0..<8 {
            intervals.append(model.retryInterval)
            model.update(accepted: 0, of: 0)
            model.update(accepted: 0, of: 1)
        }
        #expect(intervals == [32, 64, 128, 256, 512, 512, 512, 512])
        model.update(accepted: 0, of: 0)
        model.update(accepted: 1, of: 1)
        #expect(model.retryInterval == 32)
    }
}

@Suite struct PassCostModelTests {
    /// Times that are now and then ten times as long, as beside other programs.
    @Test func outliersDoNotMoveTheCost() {
        var model = PassCostModel()
        for index in 0..<2000 {
            let outlier = index % 10 == 9 ? 10.0 : 1
            model.recordPass(tokens: 1, seconds: outlier)
            model.recordPass(tokens: 2, seconds: 1.2 * outlier)
        }
        #expect(abs(model.passSeconds(tokens: 1) - 1) < 0.06)
        #expect(abs(model.passSeconds(tokens: 2) - 1.2) < 0.06 * 1.2)
    }

    @Test func morePassTokensNeverLookCheaper() {
        var model = PassCostModel()
        for _ in 0..<5 {
            for (tokens, seconds) in [(1, 1.0), (2, 3), (3, 1.5), (4, 2)] {
                model.recordPass(tokens: tokens, seconds: seconds)
            }
        }
        let costs = (1...4).map { model.passSeconds(tokens: $0) }
        #expect(costs == costs.sorted())
    }

    /// From the neighbours, and a twentieth less as long as nothing is known.
    @Test func unmeasuredCostsAreInterpolated() {
        var model = PassCostModel()
        #expect(model.draftingSeconds(tokens: 3) == 0)
        model.recordPass(tokens: 2, seconds: 2)
        #expect(abs(model.passSeconds(tokens: 4) - 0.95 * 2.12) < 1e-9)
        model.recordPass(tokens: 4, seconds: 3)
        // Half way between the line and 3 % a token.
        for (tokens, seconds) in [(1, 1.0), (3, 2 + (0.5 + 0.06) / 2), (6, 3 + 2 * (0.5 + 0.09) / 2)] {
            #expect(abs(model.passSeconds(tokens: tokens) - 0.95 * seconds) < 1e-9)
        }
    }

    /// What is measured again and again is known; what is not measured for long becomes a little hopeful again.
    @Test func optimismGrowsWithAge() {
        var model = PassCostModel()
        for _ in 0..<100 { for tokens in 1...2 { model.recordPass(tokens: tokens, seconds: Double(tokens)) } }
        #expect((1.995...2).contains(model.passSeconds(tokens: 2)))
        for _ in 0..<4000 { model.recordPass(tokens: 1, seconds: 1) }
        #expect((1.95..<1.98).contains(model.passSeconds(tokens: 2)))
        #expect(model.passSeconds(tokens: 1) > 0.99)
    }
}
