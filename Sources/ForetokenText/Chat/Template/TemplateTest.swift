import ForetokenFiles

/// What may stand after `is`.
enum TemplateTest: String {
    case boolean
    case callable
    case defined
    case divisibleby
    case equal = "eq"
    case escaped
    case even
    case `false`
    case filter
    case float
    case greater = "gt"
    case greaterOrEqual = "ge"
    case isIn = "in"
    case integer
    case iterable
    case less = "lt"
    case lessOrEqual = "le"
    case lower
    case mapping
    case none
    case notEqual = "ne"
    case number
    case odd
    case sameas
    case sequence
    case string
    case test
    case `true`
    case undefined
    case upper

    private static let synonyms = [
        "==": "eq", "equalto": "eq", "!=": "ne", ">": "gt", "greaterthan": "gt", ">=": "ge", "<": "lt",
        "lessthan": "lt",
        "<=": "le",
    ]

    static func named(_ name: String) -> TemplateTest? { TemplateTest(rawValue: synonyms[name] ?? name) }

    /// The parameters after the value.
    var parameters: [String] {
        switch self {
        case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual: ["other"]
        case .divisibleby: ["num"]
        case .isIn: ["seq"]
        case .sameas: ["other"]
        default: []
        }
    }
}

extension TemplateInterpreter {
    func test(_ name: String, _ value: TemplateValue, _ arguments: TemplateArguments) throws -> Bool {
        guard let test = TemplateTest.named(name) else {
            throw TemplateFault.unsupported("the test \(name.quotedForMessage())")
        }
        let parameters = test.parameters
        let values = try arguments.bind("the test '\(name)'", parameters, required: parameters.count)
        let other = values.first?.map { $0 } ?? .null
        switch test {
        case .defined: if case .undefined = value { return false } else { return true }
        case .undefined: if case .undefined = value { return true } else { return false }
        case .none: if case .null = value { return true } else { return false }
        case .boolean: if case .bool = value { return true } else { return false }
        case .true: if case .bool(true) = value { return true } else { return false }
        case .false: if case .bool(false) = value { return true } else { return false }
        case .integer: if case .integer = value { return true } else { return false }
        case .float: if case .float = value { return true } else { return false }
        case .number: return value.asDouble != nil
        case .string: if case .text = value { return true } else { return false }
        case .mapping: if case .dictionary = value { return true } else { return false }
        case .sequence:
            switch value {
            case .undefined, .text, .list, .tuple, .dictionary, .range: return true
            default: return false
            }
        case .iterable:
            switch value {
            case .undefined, .text, .list, .tuple, .dictionary, .view, .range, .generator, .loop: return true
            default: return false
            }
        case .callable:
            switch value {
            case .undefined, .macro, .function, .method, .loop: return true
            default: return false
            }
        case .escaped: if case .text(let text) = value { return text.isMarkup } else { return false }
        case .odd, .even, .divisibleby:
            let divisor: TemplateValue = test == .divisibleby ? other : .integer(2)
            let remainder = try calculate(value, .modulo, divisor)
            return TemplateValue.areEqual(remainder, .integer(test == .odd ? 1 : 0))
        case .lower, .upper:
            let text = try print(value)
            try budget.read(32 * text.bytes.count)
            return classified(text, test == .lower ? "islower" : "isupper")
        case .filter: return TemplateFilter(rawValue: try value.textArgument("a filter's name").string) != nil
        case .test: return TemplateTest.named(try value.textArgument("a test's name").string) != nil
        case .isIn: return try contains(other, value)
        case .equal: return try compare(value, .equal, other)
        case .notEqual: return try compare(value, .notEqual, other)
        case .less: return try compare(value, .less, other)
        case .lessOrEqual: return try compare(value, .lessOrEqual, other)
        case .greater: return try compare(value, .greater, other)
        case .greaterOrEqual: return try compare(value, .greaterOrEqual, other)
        case .sameas: return try isSame(value, other)
        }
    }

    /// Python's `is`, where it does not depend on how Python keeps values.
    private func isSame(_ left: TemplateValue, _ right: TemplateValue) throws -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.null, _), (_, .null), (.bool, _), (_, .bool): false
        case (.namespace(let left), .namespace(let right)): left === right
        case (.list(let left), .list(let right)): left === right
        case (.dictionary(let left), .dictionary(let right)): left === right
        default: throw TemplateFault.unsupported("'sameas' of values of type \(left.typeName) and \(right.typeName)")
        }
    }
}
