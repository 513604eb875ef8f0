import ForetokenPlatform

/// cos and sin of position · θ^(−2j/d), computed in double (RoFormer, arXiv 2104.09864).
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
        let frequencies = Self.frequencies(configuration).map { configuration.ropeScaling?.scaled($0) ?? $0 }
        let angles = (first..<end).flatMap { position in frequencies.map { Double(position) * $0 } }
        cosine = angles.map(cos)
        sine = angles.map(sin)
    }

    /// θ^(−2j/d) for each j below d/2, before any scaling.
    static func frequencies(_ configuration: ModelConfiguration) -> [Double] {
        let half = configuration.headDimension / 2
        return (0..<half).map { pow(configuration.ropeBase, -Double($0) / Double(half)) }
    }
}
