/// pass@k: the chance that one of k samples passes, estimated without bias (arXiv 2107.03374, section 2.1).
public enum PassAtK {
    /// 1 − C(n−c, k) ÷ C(n, k), of n samples of which c pass.
    ///
    /// - Returns: nil where fewer than k were drawn.
    public static func estimate(samples n: Int, passed c: Int, k: Int) -> Double? {
        guard k >= 1, n >= k, (0...n).contains(c) else { return nil }
        guard n - c >= k else { return 1 }
        guard c > 0 else { return 0 }
        return 1 - (n - c + 1...n).reduce(1.0) { $0 * (1 - Double(k) / Double($1)) }
    }

    /// A mean over problems and its 90 % interval.
    public struct Estimate: Sendable, Equatable {
        /// The mean.
        public var value: Double
        /// The 5th percentile over resampled problems.
        public var low: Double
        /// The 95th percentile.
        public var high: Double
    }

    /// Resamplings of a bootstrap.
    public static let resamplings = 2000

    /// The mean of problems' values with a percentile bootstrap over the problems; the same for the same seed.
    ///
    /// - Returns: nil for no problems.
    public static func bootstrap(_ values: [Double], seed: UInt64) -> Estimate? {
        bootstrap(values.map { ($0, 1) }, seed: seed)
    }

    /// The share of right answers in units of unequal sizes, with a percentile bootstrap over the units.
    ///
    /// - Returns: nil for no units.
    static func bootstrap(ratios units: [(right: Int, of: Int)], seed: UInt64) -> Estimate? {
        bootstrap(units.map { (Double($0.right), Double($0.of)) }, seed: seed)
    }

    /// Σ a ÷ Σ b over all units and over resampled ones.
    private static func bootstrap(_ units: [(Double, Double)], seed: UInt64) -> Estimate? {
        guard !units.isEmpty else { return nil }
        var generator = SeededGenerator(seed: seed)
        func ratio(_ places: some Sequence<Int>) -> Double {
            let sum = places.reduce((0.0, 0.0)) { ($0.0 + units[$1].0, $0.1 + units[$1].1) }
            return sum.0 / sum.1
        }
        let ratios = (0..<resamplings).map { _ in
            ratio(units.indices.lazy.map { _ in Int.random(in: units.indices, using: &generator) })
        }.sorted()
        func percentile(_ p: Double) -> Double { ratios[Int((p * Double(resamplings - 1)).rounded())] }
        return Estimate(value: ratio(units.indices), low: percentile(0.05), high: percentile(0.95))
    }
}
