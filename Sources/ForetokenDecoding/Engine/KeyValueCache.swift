import Torch

/// Keys and values of one block for one sequence: append, truncate. A slot is a place here; positions belong to the rotary
/// embedding and need not equal slots.
final class KeyValueCache {
    /// Slots in use.
    private(set) var count = 0
    let capacity: Int
    let keys: UnsafeMutablePointer<Float>
    let values: UnsafeMutablePointer<Float>
    private let storage: Tensor

    /// [2, K, capacity, d] of zeros.
    init(keyValueHeads: Int, capacity: Int, headDimension: Int) throws {
        self.capacity = capacity
        storage = try .zeros([2, keyValueHeads, capacity, headDimension])
        keys = storage.unsafeFloatPointer()
        values = keys + keyValueHeads * capacity * headDimension
    }

    /// Takes `rows` more slots into use and returns the first.
    func reserve(_ rows: Int) -> Int {
        precondition(count + rows <= capacity)
        defer { count += rows }
        return count
    }

    /// Forgets all slots from `count` on.
    func truncate(to count: Int) { self.count = min(self.count, count) }
}
