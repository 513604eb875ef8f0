import ForetokenFiles

/// The shuffled order of sequences: a permutation that is a pure function of (seed, epoch), so that resuming, several ranks and
/// mixtures need no generator state.
///
/// A balanced Feistel network over the next power of four, with cycle walking to stay below the count.
public struct SequenceOrder: Sendable {
    private let seed: UInt64
    private let count: UInt64
    private let halfBits: UInt64

    /// Creates an order. `count`: the number of sequences in an epoch, at least 1.
    public init(seed: UInt64, count: Int) {
        precondition(count >= 1)
        self.seed = seed
        self.count = UInt64(count)
        var bits: UInt64 = 1
        while bits < 31, UInt64(1) << (2 * bits) < self.count { bits += 1 }
        halfBits = bits
    }

    /// The sequence at a global index. Every epoch of `count` indices contains each sequence once.
    public func sequence(at globalIndex: Int) -> Int {
        let (epoch, position) = UInt64(globalIndex).quotientAndRemainder(dividingBy: count)
        let key = SplitMix64.mix(seed ^ SplitMix64.mix(epoch &+ 0x9E37_79B9_7F4A_7C15))
        var value = position
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
