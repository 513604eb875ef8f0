/// The keys and values of a JSON object: found by key in constant time, walked in the order of insertion.
///
/// Two objects are equal when they hold the same keys and values in whatever order. Keys compare as Swift strings do,
/// by canonical equivalence, so two spellings of one accented key are one key.
public struct JSONObject: Sendable, Equatable, Sequence {
    /// The keys in order.
    public private(set) var keys: [String] = []

    private var values: [String: JSONValue] = [:]

    /// An object without keys.
    public init() {}

    /// The number of keys.
    public var count: Int { keys.count }

    /// Whether there are no keys.
    public var isEmpty: Bool { keys.isEmpty }

    /// The value of a key. A new key goes to the end, a known one keeps its place, nil removes (in linear time).
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

    /// Adds a key that is not there yet; returns false and changes nothing where it is.
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

    /// Walks the keys and values in order.
    public func makeIterator() -> AnyIterator<(key: String, value: JSONValue)> {
        var iterator = keys.makeIterator()
        let values = values
        return AnyIterator {
            guard let key = iterator.next(), let value = values[key] else { return nil }
            return (key, value)
        }
    }
}
