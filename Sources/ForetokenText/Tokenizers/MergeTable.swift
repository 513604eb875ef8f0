/// The merges of a BPE vocabulary: an open-addressing hash table from pairs of tokens to rank and merged token.
///
/// The hash is seeded randomly, so that no file can be crafted to cause collisions.
struct MergeTable: Sendable {
    /// The rank of pairs without a merge.
    static let none = UInt32.max

    private var keys: [UInt64]
    /// The rank and the merged token.
    private var values: [(rank: UInt32, token: Int32)]
    private let multiplier = UInt64.random(in: .min ... .max) | 1
    private let shift: UInt64
    /// The key of a free slot, the impossible pair (-1, -1).
    private static let free = UInt64.max

    /// Creates a table for `capacity` merges.
    init(capacity: Int) {
        var bits: UInt64 = 4
        while 1 << bits < capacity * 2 { bits += 1 }
        shift = 64 - bits
        keys = [UInt64](repeating: Self.free, count: 1 << bits)
        values = [(UInt32, Int32)](repeating: (Self.none, -1), count: 1 << bits)
    }

    static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    /// Adds a merge. Returns false if the pair has one already.
    mutating func insert(_ left: Int32, _ right: Int32, rank: UInt32, token: Int32) -> Bool {
        let slot = keys.withUnsafeBufferPointer { find(Self.key(left, right), $0) }
        guard keys[slot] == Self.free else { return false }
        keys[slot] = Self.key(left, right)
        values[slot] = (rank, token)
        return true
    }

    /// Calls `body` with a lookup function, which returns rank ``none`` for pairs without a merge.
    @inline(__always)
    func withLookup<Result>(_ body: ((Int32, Int32) -> (rank: UInt32, token: Int32)) -> Result) -> Result {
        keys.withUnsafeBufferPointer { keys in
            values.withUnsafeBufferPointer { values in
                body { left, right in values[find(Self.key(left, right), keys)] }
            }
        }
    }

    @inline(__always)
    private func find(_ key: UInt64, _ keys: UnsafeBufferPointer<UInt64>) -> Int {
        // The halves are mixed first, because only the upper bits of the product are used.
        var slot = Int(((key ^ key >> 29) &* multiplier) >> shift)
        while keys[slot] != key, keys[slot] != Self.free { slot = (slot + 1) & (keys.count - 1) }
        return slot
    }
}

extension MergeTable {
    /// Merges the tokens of a word in place until no merge applies: always the pair with the lowest rank, the leftmost on ties.
    func merge(_ tokens: inout [Int32]) {
        if tokens.count <= 64 { mergeShort(&tokens) } else { mergeLong(&tokens) }
    }

    /// Scans the word for every merge: O(n²), but fastest for short words.
    private func mergeShort(_ tokens: inout [Int32]) {
        var count = tokens.count
        guard count > 1 else { return }
        withLookup { lookup in
            tokens.withUnsafeMutableBufferPointer { tokens in
                withUnsafeTemporaryAllocation(of: (rank: UInt32, token: Int32).self, capacity: count) { pairs in
                    for index in 0..<(count - 1) { pairs[index] = lookup(tokens[index], tokens[index + 1]) }
                    while count > 1 {
                        var best = 0
                        for index in 1..<max(1, count - 1) where pairs[index].rank < pairs[best].rank { best = index }
                        guard pairs[best].rank != Self.none else { break }
                        tokens[best] = pairs[best].token
                        count -= 1
                        for index in (best + 1)..<max(best + 1, count) {
                            tokens[index] = tokens[index + 1]
                            pairs[index - 1] = pairs[index]
                        }
                        if best > 0 { pairs[best - 1] = lookup(tokens[best - 1], tokens[best]) }
                        if best + 1 < count { pairs[best] = lookup(tokens[best], tokens[best + 1]) }
                    }
                }
            }
        }
        tokens.removeLast(tokens.count - count)
    }

    /// Uses a priority queue over a linked list: O(n log n) for a word of n bytes.
    private func mergeLong(_ tokens: inout [Int32]) {
        let count = tokens.count
        // Entries combine a rank (24 bits) and a position (40 bits).
        var queue = BinaryHeap<UInt64>()
        var (next, previous) = (Array(1...count), Array(-1..<(count - 1)))
        var ranks = [UInt32](repeating: Self.none, count: count)
        withLookup { lookup in
            func refresh(_ at: Int) {
                ranks[at] = next[at] < count ? lookup(tokens[at], tokens[next[at]]).rank : Self.none
                if ranks[at] != Self.none { queue.push(UInt64(ranks[at]) << 40 | UInt64(at)) }
            }
            for at in 0..<count { refresh(at) }
            while let entry = queue.pop() {
                let at = Int(entry & 0xFF_FFFF_FFFF)
                // The entry is stale if the pair has changed.
                guard ranks[at] == UInt32(entry >> 40) else { continue }
                let right = next[at]
                tokens[at] = lookup(tokens[at], tokens[right]).token
                ranks[right] = Self.none
                next[at] = next[right]
                if next[at] < count { previous[next[at]] = at }
                refresh(at)
                if previous[at] >= 0 { refresh(previous[at]) }
            }
        }
        var result: [Int32] = []
        var at = 0
        while at < count {
            result.append(tokens[at])
            at = next[at]
        }
        tokens = result
    }
}
