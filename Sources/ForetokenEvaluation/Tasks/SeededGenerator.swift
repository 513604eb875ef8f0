import ForetokenText

/// SplitMix64 (Steele, Lea and Flood 2014): numbers that depend on the seed alone, whatever the Swift version.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// A generator; equal seeds give equal numbers.
    public init(seed: UInt64) { state = seed }

    /// A generator for one purpose, which shares nothing with those of other purposes, whatever their seeds.
    init(seed: UInt64, for purpose: String) {
        state = SHA256.hash(Array("\(seed)/\(purpose)".utf8)).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// 64 uniform bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A uniform number in `0..<bound`; what it favours is below 2⁻⁵⁰ for every bound in use here.
    mutating func below(_ bound: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(bound)).high) }

    /// One of the elements.
    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }
}
