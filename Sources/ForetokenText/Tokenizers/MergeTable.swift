/// Which pairs of tokens merge, in which order, into what: a hash table with open addressing.
///
/// Its hash begins with a random number, so that no file can be written to make it slow.
struct MergeTable: Sendable {
    /// A rank that no merge has.
    static let none = UInt32.max

    private var keys: [UInt64]
    /// Rank and the token made.
    private var values: [(rank: UInt32, token: Int32)]
    private let multiplier = UInt64.random(in: .min ... .max) | 1
    private let shift: UInt64
    /// No pair is (-1, -1).
    private static let free = UInt64.max

    /// A table for so many merges.
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

    /// Adds a merge; false where the pair has one already.
    mutating func insert(_ left: Int32, _ right: Int32, rank: UInt32, token: Int32) -> Bool {
        let slot = keys.withUnsafeBufferPointer { find(Self.key(left, right), $0) }
        guard keys[slot] == Self.free else { return false }
        keys[slot] = Self.key(left, right)
        values[slot] = (rank, token)
        return true
    }

    /// Gives the body a way to look pairs up; rank ``none`` where they do not merge.
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
        // The halves are mixed before the multiplication, whose upper bits are used.
        var slot = Int(((key ^ key >> 29) &* multiplier) >> shift)
        while keys[slot] != key, keys[slot] != Self.free { slot = (slot + 1) & (keys.count - 1) }
        return slot
    }
}

extension MergeTable {
    /// Merges the tokens of a word in place until nothing merges: always the pair of lowest rank, the leftmost of equal ones.
    func merge(_ tokens: inout [Int32]) {
        if tokens.count <= 64 { mergeShort(&tokens) } else { mergeLong(&tokens) }
    }

    /// By looking through the word for every merge.
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

    /// By a queue of merges over a linked list: n log n for a word of n bytes.
    private func mergeLong(_ tokens: inout [Int32]) {
        let count = tokens.count
        // Rank and place in one number: 24 and 40 bits.
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
                // What merged meanwhile has another rank.
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
