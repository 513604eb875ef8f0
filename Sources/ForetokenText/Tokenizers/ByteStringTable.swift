/// A hash table of byte strings, numbered in order of insertion.
///
/// The hash is seeded randomly, so that no input can be crafted to cause collisions.
struct ByteStringTable: Sendable {
    private var storage: [UInt8] = []
    private var ends: [Int] = []
    /// Number + 1, or 0 for a free slot. The count is a power of two, and at most half of the slots are used.
    private var slots: [Int32] = [Int32](repeating: 0, count: 64)
    private let seed = UInt64.random(in: .min ... .max)

    /// The number of strings.
    var count: Int { ends.count }

    /// The string with a number.
    subscript(number: Int) -> ArraySlice<UInt8> { storage[(number == 0 ? 0 : ends[number - 1])..<ends[number]] }

    /// The number of a string; nil if the table does not contain it.
    func number(of bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        let found = slots[slot(of: bytes)]
        return found == 0 ? nil : Int(found) - 1
    }

    /// The number of a string, which is added if the table does not contain it.
    mutating func insert(_ bytes: UnsafeBufferPointer<UInt8>) -> (number: Int, isNew: Bool) {
        let slot = slot(of: bytes)
        if slots[slot] != 0 { return (Int(slots[slot]) - 1, false) }
        storage += bytes
        ends.append(storage.count)
        slots[slot] = Int32(ends.count)
        if ends.count * 2 > slots.count { grow() }
        return (ends.count - 1, true)
    }

    private func slot(of bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var slot = Int(truncatingIfNeeded: hash(bytes, seed: seed)) & (slots.count - 1)
        while slots[slot] != 0 {
            let number = Int(slots[slot]) - 1
            let start = number == 0 ? 0 : ends[number - 1]
            if ends[number] - start == bytes.count,
                storage.withUnsafeBufferPointer({ areEqual($0.baseAddress, start, bytes) })
            {
                break
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        return slot
    }

    private mutating func grow() {
        let mask = slots.count * 2 - 1
        slots = [Int32](repeating: 0, count: mask + 1)
        for number in 0..<count {
            var slot = self[number].withUnsafeBufferPointer { Int(truncatingIfNeeded: hash($0, seed: seed)) & mask }
            while slots[slot] != 0 { slot = (slot + 1) & mask }
            slots[slot] = Int32(number + 1)
        }
    }
}

@inline(__always)
private func areEqual(_ base: UnsafePointer<UInt8>?, _ start: Int, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    guard let base, let other = bytes.baseAddress else { return bytes.isEmpty }
    return memoryEqual(base + start, other, bytes.count)
}

/// Whether two memory ranges hold equal bytes.
@inline(__always)
func memoryEqual(_ left: UnsafePointer<UInt8>, _ right: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    var index = 0
    while index + 8 <= count {
        if UnsafeRawPointer(left + index).loadUnaligned(as: UInt64.self)
            != UnsafeRawPointer(right + index).loadUnaligned(as: UInt64.self)
        {
            return false
        }
        index += 8
    }
    while index < count {
        if left[index] != right[index] { return false }
        index += 1
    }
    return true
}

/// A hash of bytes, eight at a time (multiply and fold, as wyhash does).
@inline(__always)
func hash(_ bytes: UnsafeBufferPointer<UInt8>, seed: UInt64) -> UInt64 {
    func fold(_ value: UInt64) -> UInt64 {
        let (high, low) = value.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return high ^ low
    }
    guard let base = bytes.baseAddress else { return seed }
    var state = fold(seed ^ UInt64(bytes.count))
    var index = 0
    while index + 8 <= bytes.count {
        state = fold(state ^ UnsafeRawPointer(base + index).loadUnaligned(as: UInt64.self))
        index += 8
    }
    var tail: UInt64 = 0
    while index < bytes.count {
        tail = tail << 8 | UInt64(base[index])
        index += 1
    }
    return fold(fold(state ^ tail) ^ seed)
}
