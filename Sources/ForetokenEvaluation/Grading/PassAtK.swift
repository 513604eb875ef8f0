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
        guard !values.isEmpty else { return nil }
        var generator = SplitMix(state: seed)
        let count = Double(values.count)
        let means = (0..<resamplings).map { _ in
            values.indices.reduce(0.0) { sum, _ in sum + values[Int.random(in: values.indices, using: &generator)] }
                / count
        }.sorted()
        func percentile(_ p: Double) -> Double { means[Int((p * Double(resamplings - 1)).rounded())] }
        return Estimate(value: values.reduce(0, +) / count, low: percentile(0.05), high: percentile(0.95))
    }

    private struct SplitMix: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }
}
