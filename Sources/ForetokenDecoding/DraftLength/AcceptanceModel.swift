/// How likely a sequence's next drafts are accepted: for each position, given that the drafts before it were.
///
/// Each rate is that of the latest passes that showed it, together with what other sequences showed, an ``AcceptancePrior``.
/// A draft after a rejected one shows nothing, since it stood on a wrong token.
final class AcceptanceModel {
    /// The tuned numbers; `Documentation/DraftLength.md` has their measurements.
    struct Constants {
        var window = 40.0
        var priorWeight = 20.0
        var shortestRetryInterval = 32
        var longestRetryInterval = 512
    }

    /// The most drafts that the sequence gets.
    let length: Int
    /// Passes without drafts since the last one with drafts.
    private(set) var passesWithoutDrafts = 0
    /// After how many passes without drafts one is tried again; doubles while those tries fail.
    private(set) var retryInterval: Int
    private var own: [AcceptanceCount]
    private var prior: AcceptancePrior?
    private let constants: Constants

    init(length: Int, constants: Constants = Constants()) {
        self.length = max(0, length)
        self.constants = constants
        own = [AcceptanceCount](repeating: AcceptanceCount(), count: self.length)
        retryInterval = constants.shortestRetryInterval
    }

    /// Shares what is learnt with the sequences of the same prior; once is enough.
    func share(_ prior: AcceptancePrior) { self.prior = prior }

    /// The probability that the draft after `position` accepted ones is accepted.
    func rate(at position: Int) -> Double {
        let before = prior?.rate(at: position) ?? AcceptancePrior.Constants().initialRate
        return own[position].rate(prior: before, weight: constants.priorWeight)
    }

    /// Whether a draft is due, to see whether the text has changed.
    var isRetryDue: Bool { passesWithoutDrafts >= retryInterval }

    /// Takes over what a pass that verified `proposed` drafts showed.
    func update(accepted: Int, of proposed: Int) {
        guard proposed > 0 else {
            passesWithoutDrafts += 1
            return
        }
        if passesWithoutDrafts > 0 {
            retryInterval =
                accepted > 0
                ? constants.shortestRetryInterval : min(2 * retryInterval, constants.longestRetryInterval)
        }
        passesWithoutDrafts = 0
        for position in 0..<min(accepted + 1, proposed, length) {
            own[position].add(position < accepted, window: constants.window)
            prior?.add(position < accepted, at: position)
        }
    }
}

/// The acceptance in all sequences of an engine so far, the latest counting most: what a new sequence begins with.
final class AcceptancePrior {
    /// The tuned numbers; `Documentation/DraftLength.md` has their measurements.
    struct Constants {
        var window = 800.0
        /// Optimistic, so that drafting is tried.
        var initialRate = 0.8
        var initialWeight = 8.0
    }

    private var counts: [AcceptanceCount] = []
    private let constants: Constants

    init(constants: Constants = Constants()) { self.constants = constants }

    func rate(at position: Int) -> Double {
        let count = position < counts.count ? counts[position] : AcceptanceCount()
        return count.rate(prior: constants.initialRate, weight: constants.initialWeight)
    }

    func add(_ isAccepted: Bool, at position: Int) {
        while counts.count <= position { counts.append(AcceptanceCount()) }
        counts[position].add(isAccepted, window: constants.window)
    }
}

/// Drafts verified and accepted at a position, where older ones count less and less.
private struct AcceptanceCount {
    private var verified = 0.0
    private var accepted = 0.0

    mutating func add(_ isAccepted: Bool, window: Double) {
        verified += 1 - verified / window
        accepted += (isAccepted ? 1 : 0) - accepted / window
    }

    /// The mean of a beta distribution: `weight` drafts accepted at the rate `prior`, and those counted.
    func rate(prior: Double, weight: Double) -> Double { (weight * prior + accepted) / (weight + verified) }
}
