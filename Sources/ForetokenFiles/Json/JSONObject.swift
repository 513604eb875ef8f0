/// A JSON object: an ordered dictionary with lookup in constant time and iteration in insertion order.
///
/// Two objects are equal if they have the same keys and values in any order. Keys compare like Swift strings, by canonical
/// equivalence.
public struct JSONObject: Sendable, Equatable, Sequence {
    /// The keys in order.
    public private(set) var keys: [String] = []

    private var values: [String: JSONValue] = [:]

    /// Creates an empty object.
    public init() {}

    /// The number of keys.
    public var count: Int { keys.count }

    /// Whether there are no keys.
    public var isEmpty: Bool { keys.isEmpty }

    /// The value of a key. A new key is appended, an existing one keeps its position, nil removes it (in linear time).
    public subscript(key: String) -> JSONValue? {
        get { values[key] }
        set {
            guard let newValue else {
                if values.removeValue(forKey: key) != nil {
                    keys.removeAll { $0 == key }
                }
                return
            }
            if values.updateValue(newValue, forKey: key) == nil {
                keys.append(key)
            }
        }
    }

    /// Adds a new key; returns false and changes nothing if it exists.
    package mutating func insert(_ value: JSONValue, forNew key: String) -> Bool {
        guard values[key] == nil else { return false }
        values[key] = value
        keys.append(key)
        return true
    }

    /// Whether both hold the same keys and values.
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.values == right.values
    }

    /// Iterates over keys and values in insertion order.
    public func makeIterator() -> AnyIterator<(key: String, value: JSONValue)> {
        var iterator = keys.makeIterator()
        let values = values
        return AnyIterator {
            guard let key = iterator.next(), let value = values[key] else { return nil }
            return (key, value)
        }
    }
}
