/// How often a sequence's drafts at each place are right, given that those before were.
struct AcceptanceEstimate {
    /// Optimistic at first, so that drafting is tried.
    private(set) var rates: [Double]
    private var seen: [Int]
    private(set) var hasBegun = false
    /// Passes since drafts were last tried, and after how many they are tried again.
    var passesWithoutDrafts = 0
    var patience = AcceptanceEstimate.shortestPatience
    static let shortestPatience = 32
    private static let longestPatience = 512

    init(drafts: Int) {
        rates = [Double](repeating: 0.8, count: max(0, drafts))
        seen = [Int](repeating: 0, count: max(0, drafts))
    }

    /// Where nothing was seen yet: what other sequences showed, as if in a few passes of this one.
    mutating func begin(with typical: [Double]) {
        guard !hasBegun else { return }
        hasBegun = true
        for (place, rate) in zip(rates.indices, typical) { (rates[place], seen[place]) = (rate, 15) }
    }

    /// Takes over what a pass with `drafted` drafts showed.
    mutating func update(accepted: Int, of drafted: Int) {
        guard drafted > 0 else {
            passesWithoutDrafts += 1
            return
        }
        hasBegun = true
        if passesWithoutDrafts > 0 {
            patience = accepted > 0 ? Self.shortestPatience : min(2 * patience, Self.longestPatience)
        }
        passesWithoutDrafts = 0
        for place in 0..<min(accepted + 1, drafted, rates.count) {
            seen[place] += 1
            rates[place] += ((place < accepted ? 1 : 0) - rates[place]) * max(0.025, 1 / Double(seen[place] + 2))
        }
    }
}

/// Chooses how many drafts each sequence gets: those that maximise expected tokens a second.
///
/// The cost of a pass by its rows and of drafting is measured as passes go by; acceptance is estimated for each sequence.
/// Depth changes the speed only, never the text.
final class DepthPlanner {
    private var passes = Costs()
    private var drafting = Costs()
    private var plans = 0
    /// How much more drafts must promise over fewer: estimates that win are the lucky ones, and later drafts are known less.
    private static let leastStep = 1.015
    private static let nearGain = 0.95
    private static let nearPatience = 4
    private static let neighbourEvery = 12
    /// Acceptance in the sequences so far, the latest counting most: what a new one begins with.
    private var typical: [Double] = []
    private struct Candidate {
        let index: Int
        /// Of its sequence.
        let isFirst: Bool
        let probability: Double
    }
    private var candidates: [Candidate] = []
    /// Whether drafts are made one after another, so that each costs, and not each sequence that drafts.
    let isStepwise: Bool

    init(isStepwise: Bool = false) { self.isStepwise = isStepwise }

    /// A pass over so many rows took so long.
    func learn(rows: Int, seconds: Double) { passes.learn(rows, seconds) }

    /// Drafting for so many sequences, or of so many drafts, took so long.
    func learn(drafting count: Int, seconds: Double) { drafting.learn(count, seconds) }

    /// Drafts for every sequence's next pass, at most its `usefulDrafts`; all of them where the request is not adaptive.
    func plan(_ sequences: [DecodingSequence]) -> [Int] {
        var counts = sequences.map { $0.request.isAdaptive ? 0 : $0.usefulDrafts }
        let adaptive = sequences.indices.filter { sequences[$0].request.isAdaptive && sequences[$0].usefulDrafts > 0 }
        guard !adaptive.isEmpty else { return counts }
        plans += 1
        for index in adaptive {
            sequences[index].acceptance.begin(with: typical)
            remember(sequences[index].acceptance.rates)
        }
        let base = sequences.count + counts.reduce(0, +)
        // A plain pass now and then: its cost is what drafting is weighed against.
        if passes[base] == nil && plans > 2 || plans % 512 == 0 { return counts }

        // The likeliest drafts first; a sequence's own come in order, since their probabilities fall.
        candidates.removeAll(keepingCapacity: true)
        for index in adaptive {
            var probability = 1.0
            for (place, rate) in sequences[index].acceptance.rates.prefix(sequences[index].usefulDrafts).enumerated() {
                probability *= rate
                candidates.append(Candidate(index: index, isFirst: place == 0, probability: probability))
            }
        }
        if adaptive.count > 1 { candidates.sort { $0.probability > $1.probability } }
        let plain = Double(base) / passCost(base)
        var best = (speed: plain, count: 0)
        var promise = 0.0
        var tokens = Double(base)
        var drafters = 0
        for (count, candidate) in candidates.enumerated() {
            tokens += candidate.probability
            if candidate.isFirst { drafters += 1 }
            let speed = tokens / (passCost(base + count + 1) + draftCost(isStepwise ? count + 1 : drafters))
            if speed > Self.leastStep * best.speed { best = (speed, count + 1) }
            promise = max(promise, speed)
        }
        // One more or one less now and then, which costs little: what it takes was measured long ago.
        if best.count > 0, plans % Self.neighbourEvery == 0 {
            best.count += plans / Self.neighbourEvery % 2 == 0 ? 1 : best.count > 1 ? -1 : 0
        }
        for candidate in candidates.prefix(best.count) { counts[candidate.index] += 1 }
        // Text changes: drafts that failed are tried again, ever more seldom, but often where it was a near thing.
        let isNear = promise > Self.nearGain * plain
        for index in adaptive where counts[index] == 0 {
            let estimate = sequences[index].acceptance
            let patience = isNear ? Self.nearPatience : estimate.patience
            if estimate.passesWithoutDrafts >= patience { counts[index] = 1 }
        }
        return counts
    }

    private func remember(_ rates: [Double]) {
        for (place, rate) in rates.enumerated() {
            if place == typical.count { typical.append(rate) }
            typical[place] += (rate - typical[place]) * 0.05
        }
    }

    /// Measured, or taken from the nearest narrower pass with a little more for every row; hopeful, so that it is tried.
    private func passCost(_ rows: Int) -> Double {
        passes[rows] ?? passes.below(rows).map { $0.seconds * (1 + 0.03 * Double(rows - $0.size)) } ?? passes.least ?? 1
    }

    private func draftCost(_ count: Int) -> Double { drafting[count] ?? drafting.least ?? 0 }
}

/// Seconds of work of different sizes, measured as it goes by.
private struct Costs {
    private var measured: [(seconds: Double, times: Int)] = []
    /// No more than larger work takes: what was slow once and is not tried again would stay so.
    private var bounds: [Double] = []
    private(set) var least: Double?

    subscript(size: Int) -> Double? {
        size < measured.count && measured[size].times > 0 ? bounds[size] : nil
    }

    /// The measured size next below.
    func below(_ size: Int) -> (size: Int, seconds: Double)? {
        var below = min(size, measured.count) - 1
        while below >= 0, measured[below].times == 0 { below -= 1 }
        return below < 0 ? nil : (below, bounds[below])
    }

    /// Follows the median, which a time slice of another program does not move.
    mutating func learn(_ size: Int, _ seconds: Double) {
        while measured.count <= size {
            measured.append((.infinity, 0))
            bounds.append(.infinity)
        }
        let (known, times) = measured[size]
        // The first times touch memory that the later ones find.
        measured[size].seconds = times < 4 ? min(known, seconds) : known * (seconds > known ? 1.02 : 1 / 1.02)
        measured[size].times += 1
        // Larger work cannot take less: what was measured when all was faster follows.
        if times >= 4 {
            for larger in measured.indices.dropFirst(size + 1) where measured[larger].seconds < measured[size].seconds {
                measured[larger].seconds = min(measured[size].seconds, measured[larger].seconds * 1.02)
            }
        }
        var bound = Double.infinity
        for index in measured.indices.reversed() {
            bound = min(bound, measured[index].seconds)
            bounds[index] = bound
        }
        least = bound
    }
}
