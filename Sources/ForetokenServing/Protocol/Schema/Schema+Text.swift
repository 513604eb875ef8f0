import ForetokenFiles

extension Schema {
    /// The shape in words, as after "must be".
    var expectation: String {
        switch self {
        case .constant(let value): (try? value.text()) ?? "null"
        case .boolean: "a boolean"
        case .integer(let range):
            switch (range.lowerBound, range.upperBound) {
            case (.min, .max): "an integer"
            case (let lower, .max), (let lower, Int(Int32.max)): "an integer of at least \(lower)"
            case (let lower, let upper): "an integer between \(lower) and \(upper)"
            }
        case .number(let range, let isOpenBelow):
            isOpenBelow
                ? "a number above \(Self.short(range.lowerBound)) and at most \(Self.short(range.upperBound))"
                : "a number between \(Self.short(range.lowerBound)) and \(Self.short(range.upperBound))"
        case .string(let bytes):
            bytes.upperBound < .max
                ? "a string of \(bytes.lowerBound) to \(bytes.upperBound) bytes"
                : bytes.lowerBound > 0 ? "a non-empty string" : "a string"
        case .name(let names): Self.joined(names.map { "'\($0)'" })
        case .array(_, 0...0): "an empty array"
        case .array(let element, let count):
            count.upperBound < .max
                ? "an array of \(count.lowerBound) to \(count.upperBound) \(element.plural)"
                : (count.lowerBound > 0 ? "a non-empty array of " : "an array of ") + element.plural
        case .object, .dictionary: "an object"
        case .any(let schemas): Self.joined(schemas.map(\.expectation))
        case .anything: "a value"
        }
    }

    private var plural: String {
        switch self {
        case .string, .name: "strings"
        case .integer: "integers"
        case .number: "numbers"
        case .object, .dictionary: "objects"
        case .array(let element, _): "arrays of \(element.plural)"
        default: "values"
        }
    }

    private static func short(_ number: Double) -> String {
        Int(exactly: number).map(String.init) ?? number.description
    }

    private static func joined(_ words: [String]) -> String {
        guard words.count > 1, let last = words.last else { return words.first ?? "" }
        return words.dropLast().joined(separator: ", ") + " or " + last
    }
}
