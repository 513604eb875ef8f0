/// Which of several sources each global sample index draws from: a pure function, so that resuming and several ranks need
/// no state.
///
/// A pattern of ``period`` places is repeated in which, up to any place, every source has had its share to less than one
/// sample (Tijdeman 1980, "The chairman assignment problem": of the sources that may come, the one whose turn ends
/// first). So a batch holds nearly the mixture itself, where drawing lots would let it wander.
struct SampleMix: Sendable {
    /// Places after which the pattern begins again.
    static let period = 1 << 16
    /// The smallest share a source can have.
    static let smallestShare = 1 / Double(period)

    /// The source of each place.
    private let sources: [UInt16]
    /// How many places of the same source come before it.
    private let ranks: [UInt32]
    /// Places of each source.
    private let counts: [Int]

    /// `weights`: positive and finite, of which none is below ``smallestShare`` of their sum.
    init(weights: [Double]) {
        precondition(!weights.isEmpty && weights.count <= 1 << 16 && weights.allSatisfy { $0 > 0 && $0.isFinite })
        let total = weights.reduce(0, +)
        let shares = weights.map { $0 / total }
        guard shares.count > 1 else {
            (sources, ranks, counts) = ([0], [0], [1])
            return
        }
        var (sources, ranks) = ([UInt16](), [UInt32]())
        var counts = [Int](repeating: 0, count: shares.count)
        // A source may come once it lags by this; it must before it lags by 1 minus this.
        let slack = 1 / Double(2 * shares.count - 2)
        for place in 1...Self.period {
            var best = -1
            var deadline = Double.infinity
            for (source, share) in shares.enumerated() {
                let lag = share * Double(place) - Double(counts[source])
                let turnsLeft = (1 - slack - lag) / share
                if lag >= slack - 1e-9, turnsLeft < deadline { (best, deadline) = (source, turnsLeft) }
            }
            precondition(best >= 0, "the lags sum to 1, so one of them is at least the slack")
            sources.append(UInt16(best))
            ranks.append(UInt32(counts[best]))
            counts[best] += 1
        }
        (self.sources, self.ranks, self.counts) = (sources, ranks, counts)
    }

    /// The source of a global sample index, and how many indices before it have the same.
    func place(at globalIndex: Int) -> (source: Int, index: Int) {
        let (round, place) = globalIndex.quotientAndRemainder(dividingBy: sources.count)
        let source = Int(sources[place])
        return (source, round * counts[source] + Int(ranks[place]))
    }

    /// How many of the first `count` global indices draw from each source.
    func counts(ofFirst count: Int) -> [Int] {
        let (rounds, rest) = count.quotientAndRemainder(dividingBy: sources.count)
        var result = counts.map { $0 * rounds }
        for source in sources.prefix(rest) { result[Int(source)] += 1 }
        return result
    }
}
