import ForetokenFiles

/// The order in which samples are seen: a pure keyed permutation of (seed, epoch), so that resuming, several ranks and
/// mixed sources need no generator state.
///
/// A balanced Feistel network over the next power of four, walked until it lands below the count.
public struct SampleOrder: Sendable {
    private let seed: UInt64
    private let count: UInt64
    private let halfBits: UInt64

    /// `sampleCount`: samples of an epoch, at least 1.
    public init(seed: UInt64, sampleCount: Int) {
        precondition(sampleCount >= 1)
        self.seed = seed
        count = UInt64(sampleCount)
        var bits: UInt64 = 1
        while bits < 31, UInt64(1) << (2 * bits) < count { bits += 1 }
        halfBits = bits
    }

    /// The sample at a global index: each epoch of `sampleCount` indices meets every sample once.
    public func sample(at globalIndex: Int) -> Int {
        let (epoch, place) = UInt64(globalIndex).quotientAndRemainder(dividingBy: count)
        let key = SplitMix64.mix(seed ^ SplitMix64.mix(epoch &+ 0x9E37_79B9_7F4A_7C15))
        var value = place
        repeat { value = permuted(value, key) } while value >= count
        return Int(value)
    }

    private func permuted(_ value: UInt64, _ key: UInt64) -> UInt64 {
        let mask = UInt64(1) << halfBits - 1
        var (left, right) = (value >> halfBits, value & mask)
        for round in 0..<UInt64(6) {
            (left, right) = (right, left ^ (SplitMix64.mix(right ^ SplitMix64.mix(key &+ round)) & mask))
        }
        return left << halfBits | right
    }
}
