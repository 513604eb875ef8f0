import ForetokenFiles
import ForetokenText

/// Numbers that depend on the seed alone, whatever the Swift version: SplitMix64.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var generator: SplitMix64

    /// A generator; equal seeds give equal numbers.
    public init(seed: UInt64) { generator = SplitMix64(seed: seed) }

    /// A generator for one purpose, which shares nothing with those of other purposes, whatever their seeds.
    init(seed: UInt64, for purpose: String) {
        let digest = SHA256.hash(Array("\(seed)/\(purpose)".utf8))
        generator = SplitMix64(seed: digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
    }

    /// 64 uniform bits.
    public mutating func next() -> UInt64 { generator.next() }

    /// A uniform number in `0..<bound`; what it favours is below 2⁻⁵⁰ for every bound in use here.
    mutating func below(_ bound: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(bound)).high) }

    /// One of the elements.
    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }
}
