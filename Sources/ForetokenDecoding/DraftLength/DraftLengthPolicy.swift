/// Adaptive draft length: chooses how many drafts each sequence of a batch gets, to maximise expected tokens per second.
///
/// Expected tokens come from each sequence's ``AcceptanceModel``, seconds from the ``PassCostModel``. The draft length
/// changes the speed only, never the text. What it optimises, how it explores and where its constants come from is in
/// `Documentation/DraftLength.md`.
final class DraftLengthPolicy {
    /// A sequence as the policy sees it.
    struct Sequence {
        let acceptance: AcceptanceModel
        /// The most drafts that it can use in the next pass.
        let limit: Int
        /// Whether its draft length follows the policy; otherwise it is always `limit`.
        let isAdaptive: Bool
    }

    /// The tuned numbers; `Documentation/DraftLength.md` has their measurements.
    struct Constants {
        var minimumGain = 0.015
        var nearTie = 0.1
        var nearTieInterval = 16
        var neighbourInterval = 8
        var neighbourMeasurements = 3.0
        var cost = PassCostModel.Constants()
        var prior = AcceptancePrior.Constants()
    }

    /// Whether the model drafts one token after another, each by a pass of its own that reads the draft before it
    /// (DeepSeek-V3's heads), rather than all drafts of all sequences in one pass.
    let isStepwise: Bool
    private var costs: PassCostModel
    private let prior: AcceptancePrior
    private let constants: Constants
    /// Passes since one with drafts of an adaptive sequence.
    private var passesWithoutDrafts = 0
    /// Passes since a neighbour of the best number of drafts was measured.
    private var passesSinceNeighbour = 0

    /// A draft that a sequence could get.
    private struct Candidate {
        /// The sequence's index.
        let sequence: Int
        /// Drafts of its sequence before it.
        let position: Int
        /// That it and all before it are accepted.
        let probability: Double
    }

    init(isStepwise: Bool = false, constants: Constants = Constants()) {
        self.isStepwise = isStepwise
        self.constants = constants
        costs = PassCostModel(constants: constants.cost)
        prior = AcceptancePrior(constants: constants.prior)
    }

    /// Learns from a pass over `tokens` tokens of all sequences.
    func recordPass(tokens: Int, seconds: Double) { costs.recordPass(tokens: tokens, seconds: seconds) }

    /// Learns from drafting, where each sequence got `counts` drafts.
    func recordDrafting(_ counts: [Int], seconds: Double) {
        guard let longest = counts.max(), longest > 0 else { return }
        let work = draftingWork(counts.reduce(0, +), sequences: counts.count { $0 > 0 }, longest: longest)
        costs.recordDrafting(tokens: work, seconds: seconds)
    }

    /// Drafts for each sequence's next pass.
    func draftCounts(for sequences: [Sequence]) -> [Int] {
        var counts = sequences.map { $0.isAdaptive ? 0 : $0.limit }
        let adaptive = sequences.indices.filter { sequences[$0].isAdaptive && sequences[$0].limit > 0 }
        guard !adaptive.isEmpty else { return counts }
        for index in adaptive { sequences[index].acceptance.share(prior) }

        let candidates = ranked(sequences, adaptive)
        let base = sequences.count + counts.reduce(0, +)
        let chosen = chosenCount(speeds(candidates, tokensWithoutDrafts: base), base: base) {
            adaptive.map { sequences[$0].acceptance.retryInterval }.min() ?? 0
        }
        passesWithoutDrafts = chosen > 0 ? 0 : passesWithoutDrafts + 1
        for candidate in candidates.prefix(chosen) { counts[candidate.sequence] += 1 }
        // Text changes: a sequence that got no drafts for long gets one, one sequence at a time.
        if chosen > 0, let left = adaptive.first(where: { counts[$0] == 0 && sequences[$0].acceptance.isRetryDue }) {
            counts[left] = 1
        }
        return counts
    }

    /// How many of the ranked drafts: the fastest number, or now and then another one, to learn from it.
    private func chosenCount(_ speeds: [Double], base: Int, retryInterval: () -> Int) -> Int {
        var best = 0
        for count in speeds.indices where speeds[count] > (1 + constants.minimumGain) * speeds[best] { best = count }
        if let neighbour = neighbour(of: best, speeds, base: base) { return neighbour }
        guard best == 0, let fastest = speeds.indices.dropFirst().max(by: { speeds[$0] < speeds[$1] }) else {
            return best
        }
        let interval = isNearTie(speeds, fastest) ? constants.nearTieInterval : retryInterval()
        return passesWithoutDrafts >= interval ? fastest : 0
    }

    /// One draft more or less, whichever pass is known less, if it is not known well enough.
    private func neighbour(of best: Int, _ speeds: [Double], base: Int) -> Int? {
        passesSinceNeighbour += 1
        func measurements(_ count: Int) -> Double { costs.passMeasurements(tokens: base + count) }
        let neighbours = [best - 1, best + 1].filter(speeds.indices.contains)
        guard passesSinceNeighbour >= constants.neighbourInterval,
            let least = neighbours.min(by: { measurements($0) < measurements($1) }),
            measurements(least) < constants.neighbourMeasurements, best > 0 || isNearTie(speeds, least)
        else { return nil }
        passesSinceNeighbour = 0
        return least
    }

    /// Whether this number of drafts is nearly as fast as none.
    private func isNearTie(_ speeds: [Double], _ count: Int) -> Bool {
        speeds[count] > (1 - constants.nearTie) * speeds[0]
    }

    /// The likeliest drafts first; a sequence's own come in order, since their probabilities fall.
    private func ranked(_ sequences: [Sequence], _ adaptive: [Int]) -> [Candidate] {
        var candidates: [Candidate] = []
        for index in adaptive {
            var probability = 1.0
            for position in 0..<min(sequences[index].limit, sequences[index].acceptance.length) {
                probability *= sequences[index].acceptance.rate(at: position)
                candidates.append(Candidate(sequence: index, position: position, probability: probability))
            }
        }
        if adaptive.count > 1 { candidates.sort { $0.probability > $1.probability } }
        return candidates
    }

    /// Expected tokens per second with the first 0, 1, 2, … candidates.
    private func speeds(_ candidates: [Candidate], tokensWithoutDrafts base: Int) -> [Double] {
        var speeds = [Double(base) / costs.passSeconds(tokens: base)]
        var tokens = Double(base)
        var (drafting, longest) = (0, 0)
        for (index, candidate) in candidates.enumerated() {
            tokens += candidate.probability
            if candidate.position == 0 { drafting += 1 }
            longest = max(longest, candidate.position + 1)
            let work = draftingWork(index + 1, sequences: drafting, longest: longest)
            speeds.append(
                tokens / (costs.passSeconds(tokens: base + index + 1) + costs.draftingSeconds(tokens: work)))
        }
        return speeds
    }

    /// The size of drafting by what costs time: each draft where each is a pass of its own; otherwise all heads up to the
    /// longest draft, which run over all sequences that draft.
    private func draftingWork(_ count: Int, sequences: Int, longest: Int) -> Int {
        isStepwise ? count : sequences * longest
    }
}
