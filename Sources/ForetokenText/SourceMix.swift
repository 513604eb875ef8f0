/// Assigns a source to each global sequence index. A pure function, so that resuming and several ranks need no state.
///
/// Repeats a pattern of ``period`` indices, in every prefix of which the count of each source differs from its share by less than
/// one (Tijdeman 1980, "The chairman assignment problem": among the eligible sources, take the one with the earliest deadline).
/// Every batch therefore closely matches the mixture, with less variance than random assignment.
struct SourceMix: Sendable {
    /// The length of the pattern.
    static let period = 1 << 16
    /// The smallest share that a source can have.
    static let smallestShare = 1 / Double(period)

    /// The source of each index of the pattern.
    private let sources: [UInt16]
    /// For each index of the pattern, the number of earlier indices with the same source.
    private let ranks: [UInt32]
    /// The count of each source in the pattern.
    private let counts: [Int]

    /// `weights`: positive, finite, and each at least ``smallestShare`` of their sum.
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
        // A source is eligible once it lags by this, and must be chosen before it lags by 1 minus this.
        let slack = 1 / Double(2 * shares.count - 2)
        for position in 1...Self.period {
            var best = -1
            var deadline = Double.infinity
            for (source, share) in shares.enumerated() {
                let lag = share * Double(position) - Double(counts[source])
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

    /// The source of a global sequence index, and the number of earlier indices with the same source.
    func source(at globalIndex: Int) -> (source: Int, index: Int) {
        let (period, position) = globalIndex.quotientAndRemainder(dividingBy: sources.count)
        let source = Int(sources[position])
        return (source, period * counts[source] + Int(ranks[position]))
    }

    /// The number of indices of each source among the first `count` global indices.
    func counts(ofFirst count: Int) -> [Int] {
        let (periods, remainder) = count.quotientAndRemainder(dividingBy: sources.count)
        var result = counts.map { $0 * periods }
        for source in sources.prefix(remainder) { result[Int(source)] += 1 }
        return result
    }
}
