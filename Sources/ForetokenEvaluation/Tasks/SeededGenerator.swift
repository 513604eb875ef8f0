import ForetokenFiles
import ForetokenText

/// A SplitMix64 generator, whose numbers depend on the seed only and not on the Swift version.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var generator: SplitMix64

    /// Creates a generator.
    public init(seed: UInt64) { generator = SplitMix64(seed: seed) }

    /// Creates a generator for one purpose; streams for different purposes are independent, even with equal seeds.
    init(seed: UInt64, for purpose: String) {
        let digest = SHA256.hash(Array("\(seed)/\(purpose)".utf8))
        generator = SplitMix64(seed: digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
    }

    /// 64 uniform random bits.
    public mutating func next() -> UInt64 { generator.next() }

    /// A uniform number in `0..<bound`, with a bias below 2⁻⁵⁰ for all bounds used here.
    mutating func below(_ bound: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(bound)).high) }

    /// A uniformly chosen element.
    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }
}
