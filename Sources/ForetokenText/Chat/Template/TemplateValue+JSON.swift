import ForetokenFiles

/// From and to JSON.
extension TemplateValue {
    /// A value of the caller's; its strings are marked.
    ///
    /// - Parameter depth: the levels that may still be nested.
    init(_ json: JSONValue, marks: MarkedText.Marks, depth: Int = 100) throws {
        guard depth > 0 else { throw TemplateFault.limit("the messages or tools are nested deeper than 100 levels") }
        switch json {
        case .null: self = .null
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .integer(value)
        case .number(let value): self = .float(value)
        case .string(let string): self = .text(MarkedText(string, marks: marks))
        case .array(let elements):
            self = .list(try elements.map { try TemplateValue($0, marks: marks, depth: depth - 1) })
        case .object(let object):
            self = .dictionary(
                try TemplateDictionary(
                    object.map { key, value in
                        (
                            .text(MarkedText(key, marks: marks)),
                            try TemplateValue(value, marks: marks, depth: depth - 1)
                        )
                    }))
        }
    }
}

/// Writes JSON as Python's `json.dumps` does, with the options of transformers' `tojson`.
struct TemplateJSONWriter {
    var ensuresASCII = false
    /// One level of indentation; nil keeps all on one line.
    var indentation: MarkedText?
    var itemSeparator = MarkedText(", ")
    var keySeparator = MarkedText(": ")
    var sortsKeys = false

    func write(_ value: TemplateValue, to text: inout MarkedText, level: Int = 0) throws {
        guard level < 200 else { throw TemplateFault.limit("a value for 'tojson' is nested deeper than 200 levels") }
        switch value {
        case .null: text.append("null")
        case .bool(let value): text.append(value ? "true" : "false")
        case .integer(let value): text.append(String(value))
        case .float(let value): text.append(Self.text(of: value))
        case .text(let value): write(value, to: &text)
        case .list(let elements), .tuple(let elements):
            try writeItems(elements.values, "[", "]", level, to: &text) { value, text in
                try write(value, to: &text, level: level + 1)
            }
        case .dictionary(let dictionary):
            var entries = Array(zip(dictionary.keys, dictionary.values))
            if sortsKeys {
                entries = try TemplateSort.sorted(entries, by: { $0.0 })
            }
            try writeItems(entries, "{", "}", level, to: &text) { entry, text in
                write(try Self.key(entry.0), to: &text)
                text.append(keySeparator)
                try write(entry.1, to: &text, level: level + 1)
            }
        default:
            throw TemplateFault.failed("Object of type \(value.typeName) is not JSON serializable")
        }
    }

    private func writeItems<Item>(
        _ items: [Item], _ open: String, _ close: String, _ level: Int, to text: inout MarkedText,
        _ write: (Item, inout MarkedText) throws -> Void
    ) throws {
        text.append(open)
        for (index, item) in items.enumerated() {
            if index > 0 { text.append(itemSeparator) }
            newLine(level + 1, &text)
            try write(item, &text)
        }
        if !items.isEmpty { newLine(level, &text) }
        text.append(close)
    }

    private func newLine(_ level: Int, _ text: inout MarkedText) {
        guard let indentation else { return }
        text.append("\n")
        for _ in 0..<level { text.append(indentation) }
    }

    private static func text(of value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        return value.pythonRepresentation
    }

    private static func key(_ key: TemplateValue) throws -> MarkedText {
        switch key {
        case .text(let text): return text
        case .null: return MarkedText("null")
        case .bool(let value): return MarkedText(value ? "true" : "false")
        case .integer(let value): return MarkedText(String(value))
        case .float(let value): return MarkedText(text(of: value))
        default:
            throw TemplateFault.failed("keys must be str, int, float, bool or None, not \(key.typeName)")
        }
    }

    private func write(_ string: MarkedText, to text: inout MarkedText) {
        text.append("\"")
        var escaped = string.mapScalars { scalar, _ in
            switch scalar {
            case "\"": return "\\\""
            case "\\": return "\\\\"
            case "\n": return "\\n"
            case "\r": return "\\r"
            case "\t": return "\\t"
            case "\u{8}": return "\\b"
            case "\u{C}": return "\\f"
            case "\u{0}"..<"\u{20}": return "\\u" + scalar.hexadecimal(4)
            case "\u{7F}"...:
                guard ensuresASCII, scalar != "\u{7F}" else { return nil }
                return String(scalar).utf16.map { unit in
                    let digits = String(unit, radix: 16)
                    return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }.joined()
            default: return nil
            }
        }
        escaped.isMarkup = false
        text.append(escaped)
        text.append("\"")
    }
}

/// Python's stable sort.
enum TemplateSort {
    static func sorted<Item>(
        _ items: [Item], reversed: Bool = false, by key: (Item) throws -> TemplateValue
    ) throws -> [Item] {
        let keyed = try items.enumerated().map { (index: $0, item: $1, key: try key($1)) }
        // Reversed, equal elements keep their order too.
        let sorted = try keyed.sorted { left, right in
            if try TemplateValue.isLess(
                reversed ? right.key : left.key, reversed ? left.key : right.key, orEqual: false)
            {
                return true
            }
            return try left.index < right.index
                && !TemplateValue.isLess(
                    reversed ? left.key : right.key, reversed ? right.key : left.key, orEqual: false)
        }
        return sorted.map(\.item)
    }
}
