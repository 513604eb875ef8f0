/// A JSON object: an ordered dictionary with lookup in constant time and iteration in insertion order.
///
/// Two objects are equal if they have the same keys and values in any order. Keys compare by their bytes, as in JSON's other
/// readers: `é` and `e` followed by U+0301 are two keys, though they are equal as Swift strings.
public struct JSONObject: Sendable, Equatable, Sequence {
    /// The keys in order.
    public private(set) var keys: [String] = []
    /// The value of each key.
    private var values: [JSONValue] = []
    private var positions: [ByteKey: Int] = [:]

    /// Creates an empty object.
    public init() {}

    /// The number of keys.
    public var count: Int { keys.count }

    /// Whether there are no keys.
    public var isEmpty: Bool { keys.isEmpty }

    /// The value of a key. A new key is appended, an existing one keeps its position, nil removes it (in linear time).
    public subscript(key: String) -> JSONValue? {
        get { positions[ByteKey(key)].map { values[$0] } }
        set {
            guard let newValue else { return remove(key) }
            if let position = positions[ByteKey(key)] {
                values[position] = newValue
            } else {
                _ = insert(newValue, forNew: key)
            }
        }
    }

    /// Adds a new key; returns false and changes nothing if it exists.
    package mutating func insert(_ value: JSONValue, forNew key: String) -> Bool {
        guard positions[ByteKey(key)] == nil else { return false }
        positions[ByteKey(key)] = keys.count
        keys.append(key)
        values.append(value)
        return true
    }

    private mutating func remove(_ key: String) {
        guard let position = positions.removeValue(forKey: ByteKey(key)) else { return }
        keys.remove(at: position)
        values.remove(at: position)
        for (index, key) in keys.enumerated().dropFirst(position) { positions[ByteKey(key)] = index }
    }

    /// Whether both hold the same keys and values.
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.count == right.count && zip(left.keys, left.values).allSatisfy { right[$0] == $1 }
    }

    /// Iterates over keys and values in insertion order.
    public func makeIterator() -> AnyIterator<(key: String, value: JSONValue)> {
        var iterator = zip(keys, values).makeIterator()
        return AnyIterator { iterator.next().map { (key: $0.0, value: $0.1) } }
    }
}

/// A string that is equal to another only if their bytes are.
package struct ByteKey: Hashable, Sendable {
    package let text: String

    package init(_ text: String) { self.text = text }

    package static func == (left: ByteKey, right: ByteKey) -> Bool { left.text.hasEqualBytes(right.text) }

    package func hash(into hasher: inout Hasher) {
        let isDone: Void? = text.utf8.withContiguousStorageIfAvailable {
            hasher.combine(bytes: UnsafeRawBufferPointer($0))
        }
        if isDone == nil { Array(text.utf8).withUnsafeBytes { hasher.combine(bytes: $0) } }
    }
}

extension String {
    /// Whether both strings have the same bytes; Swift's `==` also holds between canonically equivalent strings.
    package func hasEqualBytes(_ other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        let isEqual = utf8.withContiguousStorageIfAvailable { left in
            other.utf8.withContiguousStorageIfAvailable { right in left.elementsEqual(right) }
        }
        return (isEqual ?? nil) ?? utf8.elementsEqual(other.utf8)
    }
}
