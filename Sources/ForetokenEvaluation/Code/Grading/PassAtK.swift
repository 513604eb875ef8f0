/// pass@k: the probability that at least one of k completions passes (arXiv 2107.03374, section 2.1).
public enum PassAtK {
    /// The unbiased estimate 1 − C(n−c, k) ÷ C(n, k) from n completions of which c pass.
    ///
    /// - Returns: nil if n < k.
    public static func estimate(completions n: Int, passed c: Int, k: Int) -> Double? {
        guard k >= 1, n >= k, (0...n).contains(c) else { return nil }
        guard n - c >= k else { return 1 }
        guard c > 0 else { return 0 }
        return 1 - (n - c + 1...n).reduce(1.0) { $0 * (1 - Double(k) / Double($1)) }
    }

    /// A mean over problems with a 90 % confidence interval.
    public struct Estimate: Sendable, Equatable {
        /// The mean.
        public var value: Double
        /// The 5th percentile of the bootstrap.
        public var low: Double
        /// The 95th percentile of the bootstrap.
        public var high: Double
    }

    /// The number of bootstrap resamples.
    public static let resamplings = 2000

    /// The mean of the problems' values with a percentile bootstrap over problems; deterministic for a seed.
    ///
    /// - Returns: nil if there are no problems.
    public static func bootstrap(_ values: [Double], seed: UInt64) -> Estimate? {
        bootstrap(values.map { ($0, 1) }, seed: seed)
    }

    /// The proportion of correct answers in units of unequal size, with a percentile bootstrap over units.
    ///
    /// - Returns: nil if there are no units.
    static func bootstrap(ratios units: [(correct: Int, of: Int)], seed: UInt64) -> Estimate? {
        bootstrap(units.map { (Double($0.correct), Double($0.of)) }, seed: seed)
    }

    /// Σ a ÷ Σ b over the units, and its bootstrap percentiles.
    private static func bootstrap(_ units: [(Double, Double)], seed: UInt64) -> Estimate? {
        guard !units.isEmpty else { return nil }
        var generator = SeededGenerator(seed: seed)
        func ratio(_ indices: some Sequence<Int>) -> Double {
            let sum = indices.reduce((0.0, 0.0)) { ($0.0 + units[$1].0, $0.1 + units[$1].1) }
            return sum.0 / sum.1
        }
        let ratios = (0..<resamplings).map { _ in
            ratio(units.indices.lazy.map { _ in Int.random(in: units.indices, using: &generator) })
        }.sorted()
        func percentile(_ p: Double) -> Double { ratios[Int((p * Double(resamplings - 1)).rounded())] }
        return Estimate(value: ratio(units.indices), low: percentile(0.05), high: percentile(0.95))
    }
}
