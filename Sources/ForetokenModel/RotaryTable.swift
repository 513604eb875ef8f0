import ForetokenPlatform

/// cos and sin of position · θ^(−2j/d), computed in double (RoFormer, arXiv 2104.09864), with a ``RopeScaling``'s changes.
public struct RotaryTable: Sendable {
    /// [positions, d/2], row-major.
    public let cosine: [Double]
    /// [positions, d/2], row-major.
    public let sine: [Double]

    /// The table of the positions 0..<positions.
    public init(configuration: ModelConfiguration, positions: Int) {
        self.init(configuration: configuration, from: 0, to: positions)
    }

    /// The table of the positions first..<end.
    package init(configuration: ModelConfiguration, from first: Int, to end: Int) {
        let divisors = Self.divisors(configuration)
        let frequencies = zip(Self.frequencies(configuration), divisors).map { $0 / $1 }
        let angles = (first..<end).flatMap { position in frequencies.map { Double(position) * $0 } }
        let factor = configuration.ropeScaling?.attentionFactor ?? 1
        cosine = angles.map { factor * cos($0) }
        sine = angles.map { factor * sin($0) }
    }

    /// θ^(−2j/d) for each j below d/2, before any scaling.
    static func frequencies(_ configuration: ModelConfiguration) -> [Double] {
        let half = configuration.headDimension / 2
        return (0..<half).map { pow(configuration.ropeBase, -Double($0) / Double(half)) }
    }

    /// What the scaling divides each of these frequencies by.
    static func divisors(_ configuration: ModelConfiguration) -> [Double] {
        let frequencies = frequencies(configuration)
        return configuration.ropeScaling?.divisors(of: frequencies, base: configuration.ropeBase)
            ?? frequencies.map { _ in 1 }
    }
}
