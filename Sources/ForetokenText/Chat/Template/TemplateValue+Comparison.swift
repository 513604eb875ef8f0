/// Python's truth, equality and order.
extension TemplateValue {
    var isTrue: Bool {
        switch self {
        case .undefined, .null: false
        case .bool(let value): value
        case .integer(let value): value != 0
        case .float(let value): value != 0
        case .text(let text): !text.isEmpty
        case .list(let elements), .tuple(let elements): !elements.values.isEmpty
        case .dictionary(let dictionary): dictionary.count > 0
        case .view(let view): view.dictionary.count > 0
        case .range(let range): range.count > 0
        case .generator, .namespace, .macro, .function, .method, .loop: true
        }
    }

    /// The value as a number; booleans are 0 and 1.
    var asInteger: Int? {
        switch self {
        case .bool(let value): value ? 1 : 0
        case .integer(let value): value
        default: nil
        }
    }

    var asDouble: Double? {
        switch self {
        case .float(let value): value
        default: asInteger.map { Double($0) }
        }
    }

    /// The code points, elements or keys; nil if it is none of those, or has to be made.
    var count: Int? {
        switch self {
        case .undefined: 0
        case .text(let text): text.count
        case .list(let elements), .tuple(let elements): elements.values.count
        case .dictionary(let dictionary): dictionary.count
        case .view(let view): view.dictionary.count
        case .range(let range): range.count
        default: nil
        }
    }

    static func areEqual(_ left: TemplateValue, _ right: TemplateValue) -> Bool {
        if let left = left.asInteger, let right = right.asInteger { return left == right }
        if let (left, right) = numbers(left, right) { return left.0 == right.0 && left.1 == right.1 }
        switch (left, right) {
        case (.undefined, .undefined), (.null, .null): return true
        case (.text(let left), .text(let right)): return left == right
        case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
            return left === right
                || left.values.count == right.values.count && zip(left.values, right.values).allSatisfy(areEqual)
        case (.dictionary(let left), .dictionary(let right)): return areEqual(left, right)
        case (.range(let left), .range(let right)):
            return left.count == right.count && (left.count == 0 || left.start == right.start)
                && (left.count < 2 || left.step == right.step)
        case (.namespace(let left), .namespace(let right)): return left === right
        case (.generator(let left), .generator(let right)): return left === right
        case (.macro(let left), .macro(let right)): return left === right
        case (.loop(let left), .loop(let right)): return left === right
        case (.function(let left), .function(let right)): return left == right
        default: return false
        }
    }

    private static func areEqual(_ left: TemplateDictionary, _ right: TemplateDictionary) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left.keys, left.values).allSatisfy { key, value in
            guard let key = try? TemplateDictionary.key(of: key), let other = right[key] else { return false }
            return areEqual(value, other)
        }
    }

    /// Two numbers of which one has a fraction, as integer part and fraction, which compare exactly.
    private static func numbers(
        _ left: TemplateValue, _ right: TemplateValue
    ) -> (left: (Double, Int), right: (Double, Int))? {
        guard left.asDouble != nil, right.asDouble != nil else { return nil }
        func split(_ value: TemplateValue) -> (Double, Int) {
            if case .float(let double) = value {
                guard let integer = Int(exactly: double) else { return (double, 0) }
                return split(.integer(integer))
            }
            // The high part is exact in a double, and the low part decides between neighbours.
            let integer = value.asInteger ?? 0
            let low = integer & 0xFFFF
            return (Double(integer - low), low)
        }
        let (a, b) = (split(left), split(right))
        // A number with a fraction, or beyond 64 bits, has no low part: compare such ones as doubles.
        let whole = { (value: TemplateValue) -> Bool in
            if case .float(let double) = value { return Int(exactly: double) != nil }
            return true
        }
        if whole(left), whole(right) { return (a, b) }
        return ((left.asDouble ?? 0, 0), (right.asDouble ?? 0, 0))
    }

    /// Whether `left` comes before `right`.
    ///
    /// - Parameter orEqual: also when they are equal.
    static func isLess(_ left: TemplateValue, _ right: TemplateValue, orEqual: Bool) throws -> Bool {
        if let left = left.asInteger, let right = right.asInteger { return orEqual ? left <= right : left < right }
        if let (left, right) = numbers(left, right) { return orEqual ? left <= right : left < right }
        switch (left, right) {
        case (.text(let left), .text(let right)): return orEqual ? left <= right : left < right
        case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
            for (left, right) in zip(left.values, right.values) where !areEqual(left, right) {
                return try isLess(left, right, orEqual: orEqual)
            }
            let (left, right) = (left.values.count, right.values.count)
            return orEqual ? left <= right : left < right
        case (.undefined(let undefined), _), (_, .undefined(let undefined)):
            throw TemplateFault.failed(undefined.message)
        default:
            throw TemplateFault.failed(
                "values of type \(left.typeName) and \(right.typeName) have no order")
        }
    }
}
