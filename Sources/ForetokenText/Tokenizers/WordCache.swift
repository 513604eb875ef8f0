import Synchronization

/// A direct-mapped cache of the tokens of words, cleared when full. About 7 MB.
///
/// `@unchecked Sendable`: used by one call at a time, see ``WordCachePool``.
final class WordCache: @unchecked Sendable {
    /// The maximum length of a cached word in bytes.
    static let longestWord = 64
    private static let slotCount = 1 << 16
    private static let keyCapacity = 1 << 20
    private static let tokenCapacity = 1 << 20

    private struct Slot {
        var hash: UInt64 = 0
        var key: UInt32 = 0
        var tokens: UInt32 = 0
        var keyCount: UInt8 = 0
        /// 0 for a free slot.
        var tokenCount: UInt8 = 0
    }
    private let slots = UnsafeMutableBufferPointer<Slot>.allocate(capacity: slotCount)
    private let keys = UnsafeMutablePointer<UInt8>.allocate(capacity: keyCapacity)
    private let tokens = UnsafeMutablePointer<Int32>.allocate(capacity: tokenCapacity)
    private var keysUsed = 0
    private var tokensUsed = 0
    private let seed = UInt64.random(in: .min ... .max)
    /// A reusable buffer for encoding words that are not cached.
    var scratch: [Int32] = []

    init() { slots.initialize(repeating: Slot()) }

    deinit {
        slots.deallocate()
        keys.deallocate()
        tokens.deallocate()
    }

    /// Appends the tokens of a short word; on a cache miss, `merge` computes them in ``scratch``.
    @inline(__always)
    func append(_ word: UnsafeBufferPointer<UInt8>, to result: inout [Int32], merge: (inout [Int32]) -> Void) {
        let hash = hash(word, seed: seed)
        let index = Int(truncatingIfNeeded: hash & UInt64(Self.slotCount - 1))
        let slot = slots[index]
        if slot.tokenCount > 0, slot.hash == hash, Int(slot.keyCount) == word.count, let base = word.baseAddress,
            memoryEqual(keys + Int(slot.key), base, word.count)
        {
            if slot.tokenCount == 1 {
                result.append(tokens[Int(slot.tokens)])
            } else {
                result.append(
                    contentsOf: UnsafeBufferPointer(start: tokens + Int(slot.tokens), count: Int(slot.tokenCount)))
            }
            return
        }
        merge(&scratch)
        result += scratch
        store(word, hash, index)
    }

    private func store(_ word: UnsafeBufferPointer<UInt8>, _ hash: UInt64, _ index: Int) {
        if keysUsed + word.count > Self.keyCapacity || tokensUsed + scratch.count > Self.tokenCapacity {
            slots.update(repeating: Slot())
            (keysUsed, tokensUsed) = (0, 0)
        }
        guard let base = word.baseAddress, !scratch.isEmpty else { return }
        (keys + keysUsed).update(from: base, count: word.count)
        for (offset, token) in scratch.enumerated() { tokens[tokensUsed + offset] = token }
        slots[index] = Slot(
            hash: hash, key: UInt32(keysUsed), tokens: UInt32(tokensUsed), keyCount: UInt8(word.count),
            tokenCount: UInt8(scratch.count))
        keysUsed += word.count
        tokensUsed += scratch.count
    }
}

/// A pool of ``WordCache`` instances; each is used by one call at a time, and a new one is created if none is idle.
final class WordCachePool: Sendable {
    private let idle = Mutex<[WordCache]>([])

    func withCache<Result>(_ body: (WordCache) -> Result) -> Result {
        let cache = idle.withLock { $0.popLast() } ?? WordCache()
        defer { idle.withLock { $0.append(cache) } }
        return body(cache)
    }
}
