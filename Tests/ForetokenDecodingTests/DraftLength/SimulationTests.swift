import ForetokenModel
import ForetokenText
import Foundation
import Testing

@testable import ForetokenDecoding

/// The policy over recorded texts and times, against the draft length that turns out best in hindsight.
@Suite struct SimulationTests {
    enum Texts: String, CaseIterable {
        case code, codeSampled = "code-sampled", codeHot = "code-hot", proseSampled = "prose-sampled"
        case untrainedHeads = "untrained-heads"
        /// Two recordings as one text each: the character changes half way.
        case codeThenProse, codeThenUntrained, untrainedThenCode

        func load() throws -> [[Int]] {
            func both(_ first: Texts, _ second: Texts) throws -> [[Int]] {
                try zip(first.load(), second.load()).map { $0 + $1 }
            }
            switch self {
            case .codeThenProse: return try both(.code, .proseSampled)
            case .codeThenUntrained: return try both(.code, .untrainedHeads)
            case .untrainedThenCode: return try both(.untrainedHeads, .code)
            default: return try DraftRecording.load(rawValue).acceptedDrafts
            }
        }
    }

    enum Times: String, CaseIterable {
        /// A model in the processor's cache, where each token of a pass costs arithmetic; one that is read from memory; the
        /// first beside another program.
        case cached, memoryBound, busy

        /// Several first rounds, since single runs scatter by a per cent.
        func load(isBatch: Bool) throws -> [any SimulatedTimes] {
            let recording = try PassTimeRecording.load(self == .memoryBound ? "times-memory-bound" : "times-cached")
            let times = isBatch ? recording.batch : recording.single
            if self == .busy {
                let interference = try InterferenceRecording.load()
                return (0..<5).map { InterruptedTimes(times, interference, offset: 0.2 * Double($0)) }
            }
            return (0..<5).map { ReplayedTimes(times, firstRound: 16 * $0) }
        }
    }

    /// Tokens per second of 0, 1, … 7 drafts in every pass and of the policy, each a mean over the simulated runs.
    struct Comparison {
        private(set) var fixed = [Double](repeating: 0, count: 8)
        private(set) var adaptive = 0.0
        private(set) var draftsPerPass = 0.0
        var best: Double { fixed.max() ?? 0 }
        var share: Double { adaptive / best }

        init(
            _ texts: Texts, _ times: Times, isBatch: Bool, runs count: Int = 5,
            constants: DraftLengthPolicy.Constants = .init(),
            acceptance: AcceptanceModel.Constants = .init()
        ) throws {
            let runs = try times.load(isBatch: isBatch).prefix(count)
            let texts = try texts.load()
            for times in runs {
                let simulation = Simulation(texts: texts, times: times, sequences: isBatch ? 4 : 1, longest: 7)
                for length in 0...7 {
                    fixed[length] += simulation.fixed(length).tokensPerSecond / Double(runs.count)
                }
                let outcome = simulation.adaptive(constants, acceptance)
                adaptive += outcome.tokensPerSecond / Double(runs.count)
                draftsPerPass += Double(outcome.drafts) / Double(outcome.passes) / Double(runs.count)
            }
        }
    }

    /// Also with heads that have learnt nothing, where the best fixed length is none: next-token decoding.
    @Test(arguments: Texts.allCases, Times.allCases)
    func oneSequenceIsNearlyAsFastAsWithTheBestFixedLength(texts: Texts, times: Times) throws {
        #expect(try Comparison(texts, times, isBatch: false).share > 0.97)
    }

    @Test(arguments: Texts.allCases, Times.allCases)
    func aBatchIsNearlyAsFastAsWithTheBestFixedLength(texts: Texts, times: Times) throws {
        #expect(try Comparison(texts, times, isBatch: true).share > 0.97)
    }

    /// The simulation, from a recording without drafts, takes as many passes as the engine with them.
    @Test(arguments: [0, 0.8]) func theSimulationTakesThePassesOfTheEngine(temperature: Double) throws {
        let model = try DecodeModel(reading: TinyModels.trained(.linear, heads: 4))
        for text in ["for i", "print(", "# the"] {
            var request = GenerationRequest(
                prompt: prompt(text), maximumTokens: 60, heads: 4,
                sampler: Sampler(temperature: temperature, seed: 3))
            let recorded = try acceptedDrafts(model, request)
            let times = PassTimes(
                sequences: 1, passes: Array(repeating: [1], count: 4), drafting: [Array(repeating: [1], count: 3)])
            let simulation = Simulation(
                texts: [recorded], times: ReplayedTimes(times), sequences: 1, longest: 3)
            for heads in 1...4 {
                request.heads = heads
                // The engine's first pass is the prompt's.
                let passes = try decode(model, request).1.forwards - 1
                #expect(simulation.fixed(heads - 1).passes == passes)
            }
        }
    }

    // MARK: Tables for Documentation/DraftLength.md

    private static let wanted = ProcessInfo.processInfo.environment["FORETOKEN_DRAFT_TABLES"] ?? ""

    private static func forEachCase(_ body: (Texts, Times, Bool) throws -> Void) rethrows {
        for isBatch in [false, true] {
            for times in Times.allCases { for texts in Texts.allCases { try body(texts, times, isBatch) } }
        }
    }

    @Test(.enabled(if: wanted == "speeds")) func printSpeeds() throws {
        try Self.forEachCase { texts, times, isBatch in
            let found = try Comparison(texts, times, isBatch: isBatch)
            let ratios = found.fixed.map { String(format: "%.2f", $0 / found.fixed[0]) }
            print(
                isBatch ? "| 4 |" : "| 1 |", times.rawValue, "|", texts.rawValue, "|",
                ratios.joined(separator: " | "), "|", String(format: "%.2f", found.draftsPerPass), "|",
                String(format: "%.3f", found.share), "|")
        }
    }

    /// The mean and the least share of the best fixed length over all cases, with each constant halved and doubled.
    @Test(.enabled(if: wanted == "sensitivity")) func printSensitivity() throws {
        typealias Constants = (policy: DraftLengthPolicy.Constants, acceptance: AcceptanceModel.Constants)
        let changes: [(String, (inout Constants, Double) -> Void)] = [
            ("AcceptanceModel.window", { $0.acceptance.window *= $1 }),
            ("AcceptanceModel.priorWeight", { $0.acceptance.priorWeight *= $1 }),
            (
                "AcceptanceModel.shortestRetryInterval",
                { $0.acceptance.shortestRetryInterval = Int(Double($0.acceptance.shortestRetryInterval) * $1) }
            ),
            (
                "AcceptanceModel.longestRetryInterval",
                { $0.acceptance.longestRetryInterval = Int(Double($0.acceptance.longestRetryInterval) * $1) }
            ),
            ("AcceptancePrior.window", { $0.policy.prior.window *= $1 }),
            ("AcceptancePrior.initialRate 0.7, 0.9", { $0.policy.prior.initialRate = $1 < 1 ? 0.7 : 0.9 }),
            ("AcceptancePrior.initialWeight", { $0.policy.prior.initialWeight *= $1 }),
            ("PassCostModel.memory", { $0.policy.cost.memory *= $1 }),
            ("PassCostModel.halfLife", { $0.policy.cost.halfLife *= $1 }),
            ("PassCostModel.firstStep", { $0.policy.cost.firstStep *= $1 }),
            ("PassCostModel.firstMeasurements", { $0.policy.cost.firstMeasurements *= $1 }),
            (
                "PassCostModel.surprisingRun",
                { $0.policy.cost.surprisingRun = Int(Double($0.policy.cost.surprisingRun) * $1) }
            ),
            ("PassCostModel.optimism", { $0.policy.cost.optimism *= $1 }),
            ("PassCostModel.assumedTokenCost", { $0.policy.cost.assumedTokenCost *= $1 }),
            ("DraftLengthPolicy.minimumGain", { $0.policy.minimumGain *= $1 }),
            ("DraftLengthPolicy.nearTie", { $0.policy.nearTie *= $1 }),
            (
                "DraftLengthPolicy.nearTieInterval",
                { $0.policy.nearTieInterval = Int(Double($0.policy.nearTieInterval) * $1) }
            ),
            (
                "DraftLengthPolicy.neighbourInterval",
                { $0.policy.neighbourInterval = Int(Double($0.policy.neighbourInterval) * $1) }
            ),
            ("DraftLengthPolicy.neighbourMeasurements", { $0.policy.neighbourMeasurements *= $1 }),
        ]
        func figures(_ constants: Constants) throws -> String {
            var shares: [Double] = []
            try Self.forEachCase { texts, times, isBatch in
                shares.append(
                    try Comparison(
                        texts, times, isBatch: isBatch, runs: 3, constants: constants.policy,
                        acceptance: constants.acceptance
                    ).share)
            }
            let mean = shares.reduce(0, +) / Double(shares.count)
            return String(format: "%.4f | %.3f", mean, shares.min() ?? 0)
        }
        let initial: Constants = (.init(), .init())
        print("| as it is |", try figures(initial), "|")
        for (name, change) in changes {
            for factor in [0.5, 2] {
                var constants = initial
                change(&constants, factor)
                print("|", name, factor, "|", try figures(constants), "|")
            }
        }
    }
}
