/// A dictionary that keeps the order of its keys and never changes.
final class TemplateDictionary {
    /// What Python hashes: `1`, `1.0` and `True` are one key.
    enum Key: Hashable {
        case undefined
        case none
        case integer(Int)
        case float(Double)
        case text(MarkedText)
        case tuple([Key])
    }

    private(set) var keys: [TemplateValue] = []
    private(set) var values: [TemplateValue] = []
    private var indices: [Key: Int] = [:]
    let depth: Int
    let weight: Int

    /// A key that appears again keeps its place and takes the last value.
    init(_ entries: [(key: TemplateValue, value: TemplateValue)]) throws {
        var (depth, weight) = (0, 1)
        for (key, value) in entries {
            let hashed = try Self.key(of: key)
            depth = max(depth, key.depth, value.depth)
            weight = TemplateValue.sum(weight, TemplateValue.sum(key.weight, value.weight))
            if let index = indices[hashed] {
                values[index] = value
            } else {
                indices[hashed] = keys.count
                keys.append(key)
                values.append(value)
            }
        }
        self.depth = depth + 1
        self.weight = weight
    }

    var count: Int { keys.count }

    subscript(key: Key) -> TemplateValue? { indices[key].map { values[$0] } }

    /// The value of a name.
    subscript(name: String) -> TemplateValue? { self[.text(MarkedText(name))] }

    /// Throws what Python does for a value that has no hash.
    static func key(of value: TemplateValue) throws -> Key {
        switch value {
        case .undefined: .undefined
        case .null: .none
        case .bool(let value): .integer(value ? 1 : 0)
        case .integer(let value): .integer(value)
        case .float(let value): Int(exactly: value).map { .integer($0) } ?? .float(value)
        case .text(let text): .text(text)
        case .tuple(let elements): .tuple(try elements.values.map { try key(of: $0) })
        case .list, .dictionary: throw TemplateFault.failed("unhashable type: '\(value.typeName)'")
        default: throw TemplateFault.unsupported("a key of type \(value.typeName)")
        }
    }
}
