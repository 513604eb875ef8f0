/// `value.name`, `value[key]` and slices, as Jinja's sandbox does.
extension TemplateInterpreter {
    /// Attributes that Python has on each type. A template that meets one that is not supported is refused.
    private static let textMethods: Set<String> = [
        "capitalize", "casefold", "center", "count", "encode", "endswith", "expandtabs", "find", "format", "format_map",
        "index", "isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier", "islower", "isnumeric",
        "isprintable", "isspace", "istitle", "isupper", "join", "ljust", "lower", "lstrip", "maketrans", "partition",
        "removeprefix", "removesuffix", "replace", "rfind", "rindex", "rjust", "rpartition", "rsplit", "rstrip",
        "split", "splitlines", "startswith", "strip", "swapcase", "title", "translate", "upper", "zfill",
    ]
    private static let dictionaryMethods: Set<String> = ["copy", "fromkeys", "get", "items", "keys", "values"]
    private static let changingMethods: Set<String> = [
        "clear", "pop", "popitem", "setdefault", "update", "append", "reverse", "insert", "sort", "extend", "remove",
    ]
    private static let numberAttributes: Set<String> = [
        "as_integer_ratio", "bit_count", "bit_length", "conjugate", "denominator", "from_bytes", "fromhex", "hex",
        "imag", "is_integer", "numerator", "real", "to_bytes",
    ]

    /// Python's attribute itself, without a look at elements; nil if there is none.
    func ownAttribute(_ name: String, of value: TemplateValue) throws -> TemplateValue? {
        if name.hasPrefix("__"), name.hasSuffix("__") {
            if case .undefined(let undefined) = value, name != "__class__" {
                throw TemplateFault.failed(undefined.message)
            }
            return .undefined(.unsafe(name, of: value.typeName))
        }
        func method(_ isKnown: Bool) -> TemplateValue? {
            isKnown ? .method(TemplateValue.BoundMethod(value, name)) : nil
        }
        func refused(_ isKnown: Bool) throws -> TemplateValue? {
            guard isKnown else { return nil }
            throw TemplateFault.unsupported("the attribute '\(name)' of a value of type \(value.typeName)")
        }
        switch value {
        case .undefined(let undefined): throw TemplateFault.failed(undefined.message)
        case .text: return method(Self.textMethods.contains(name))
        case .dictionary:
            if let method = method(Self.dictionaryMethods.contains(name)) { return method }
            let isChanging = ["clear", "pop", "popitem", "setdefault", "update"].contains(name)
            return isChanging ? .undefined(.unsafe(name, of: "dict")) : nil
        case .list:
            if ["copy", "count", "index"].contains(name) { return method(true) }
            let isChanging = Self.changingMethods.subtracting(["popitem", "setdefault", "update"]).contains(name)
            return isChanging ? .undefined(.unsafe(name, of: "list")) : nil
        case .tuple: return method(["count", "index"].contains(name))
        case .namespace(let namespace): return namespace.attributes[MarkedText(name)]
        case .loop(let state): return try state.attribute(name)
        case .integer, .float, .bool: return try refused(Self.numberAttributes.contains(name))
        case .range: return try refused(["start", "stop", "step", "count", "index"].contains(name))
        case .view: return try refused(["isdisjoint", "mapping"].contains(name))
        case .generator: return try refused(["close", "send", "throw"].contains(name))
        case .macro(let macro):
            if name == "name" { return macro.definition.name.map { .text($0) } ?? .some(.null) }
            return try refused(
                ["arguments", "caller", "catch_kwargs", "catch_varargs", "explicit_caller"].contains(name))
        case .function(.dict): return name == "fromkeys" ? try refused(true) : nil
        case .null, .function, .method: return nil
        }
    }

    func attribute(_ name: String, of value: TemplateValue) throws -> TemplateValue {
        if let found = try ownAttribute(name, of: value) { return found }
        if case .dictionary(let dictionary) = value, let found = dictionary[name] { return found }
        return .undefined(.attribute(name, of: value.ownerName))
    }

    func item(_ key: TemplateValue, of value: TemplateValue) throws -> TemplateValue {
        switch value {
        case .undefined(let undefined): throw TemplateFault.failed(undefined.message)
        case .dictionary(let dictionary):
            // A key that has no hash is a missing element.
            try budget.read(key.weight)
            if let key = try? TemplateDictionary.key(of: key), let found = dictionary[key] { return found }
        case .list, .tuple, .text, .range:
            if let index = key.asInteger { return try element(index, of: value) }
        case .loop:
            break
        default: break
        }
        if case .text(let name) = key {
            if let found = try ownAttribute(name.string, of: value) { return found }
            return .undefined(.attribute(name.string, of: value.ownerName))
        }
        return .undefined(.element(key, of: value.ownerName))
    }

    private func element(_ index: Int, of value: TemplateValue) throws -> TemplateValue {
        if case .text(let text) = value, !text.isASCII { try budget.read(text.bytes.count) }
        let count = value.count ?? 0
        let position = index < 0 ? index + count : index
        guard position >= 0, position < count else { return .undefined(.element(.integer(index), of: value.ownerName)) }
        switch value {
        case .list(let elements), .tuple(let elements): return elements.values[position]
        case .range(let range): return .integer(range.element(at: position))
        case .text(let text): return .text(text.element(at: position) ?? MarkedText())
        default: return .undefined(.element(.integer(index), of: value.ownerName))
        }
    }

    func slice(
        _ value: TemplateValue, _ start: TemplateValue?, _ stop: TemplateValue?, _ step: TemplateValue?
    ) throws -> TemplateValue {
        func bound(_ value: TemplateValue?) throws -> Int? {
            switch value {
            case nil, .null?: return nil
            case let value?:
                if let integer = value.asInteger { return integer }
                throw TemplateFault.failed("slice indices must be integers or None or have an __index__ method")
            }
        }
        if case .undefined(let undefined) = value { throw TemplateFault.failed(undefined.message) }
        guard let count = value.count else {
            throw TemplateFault.failed("'\(value.typeName)' object is not subscriptable")
        }
        let step = try bound(step) ?? 1
        guard step != 0 else { throw TemplateFault.failed("slice step cannot be zero") }
        let (low, high) = step > 0 ? (0, count) : (-1, count - 1)
        func clamp(_ bound: Int?, _ otherwise: Int) -> Int {
            guard let bound else { return otherwise }
            return min(max(bound < 0 ? bound + count : bound, low), high)
        }
        let first = clamp(try bound(start), step > 0 ? low : high)
        let end = clamp(try bound(stop), step > 0 ? high : low)
        let distance = step > 0 ? end - first : first - end
        let length = distance <= 0 ? 0 : (distance - 1) / Int(clamping: step.magnitude) + 1
        func indices() -> [Int] { (0..<length).map { first + $0 * step } }
        switch value {
        case .text(let text):
            try budget.read(text.bytes.count)
            try budget.allocate(4 * length)
            return .text(text.slice(from: first, by: step, count: length))
        case .list(let elements):
            try budget.allocate(elements: length)
            return .list(indices().map { elements.values[$0] })
        case .tuple(let elements):
            try budget.allocate(elements: length)
            return .tuple(indices().map { elements.values[$0] })
        case .range: throw TemplateFault.unsupported("a slice of a range")
        default: throw TemplateFault.failed("'\(value.typeName)' object is not subscriptable")
        }
    }
}
