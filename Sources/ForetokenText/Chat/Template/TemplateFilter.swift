import ForetokenFiles

/// The filters of Jinja that chat templates may use. Others (for HTML, for people, or random) are refused by name.
enum TemplateFilter: String {
    case abs
    case attr
    case capitalize
    case center
    case count
    case d
    case `default`
    case dictsort
    case e
    case escape
    case first
    case float
    case format
    case indent
    case int
    case items
    case join
    case last
    case length
    case list
    case lower
    case map
    case max
    case min
    case reject
    case rejectattr
    case replace
    case reverse
    case round
    case safe
    case select
    case selectattr
    case sort
    case string
    case sum
    case title
    case tojson
    case trim
    case truncate
    case unique
    case upper
    case wordcount
}

extension TemplateInterpreter {
    func filter(_ name: String, _ value: TemplateValue, _ arguments: TemplateArguments) throws -> TemplateValue {
        guard let filter = TemplateFilter(rawValue: name) else {
            throw TemplateFault.unsupported("the filter \(name.quotedForMessage())")
        }
        func bind(_ parameters: String..., required: Int = 0) throws -> [TemplateValue?] {
            try arguments.bind("the filter '\(name)'", parameters, required: required)
        }
        switch filter {
        case .attr:
            let name = try (try bind("name", required: 1)[0] ?? .null).textArgument("the attribute's name").string
            return try ownAttribute(name, of: value) ?? .undefined(.attribute(name, of: value.ownerName))
        case .default, .d:
            let values = try bind("default_value", "boolean")
            if case .undefined = value { return values[0] ?? .text("") }
            return values[1]?.isTrue == true && !value.isTrue ? values[0] ?? .text("") : value
        case .length, .count:
            _ = try bind()
            return .integer(try length(of: value))
        case .list:
            _ = try bind()
            return try makeList(try elements(of: value))
        case .string:
            _ = try bind()
            if case .text = value { return value }
            return .text(try print(value))
        case .safe, .escape, .e:
            _ = try bind()
            var text = try softText(value)
            if filter != .safe {
                try budget.allocate(6 * text.bytes.count)
                text = text.htmlEscaped
            }
            text.isMarkup = true
            return .text(text)
        case .upper, .lower, .title, .capitalize:
            _ = try bind()
            let text = try softText(value)
            return .text(filter == .title ? try titled(text) : try cased(text, name))
        case .trim:
            let set = try stripSet(try bind("chars")[0])
            let text = try softText(value)
            try budget.allocate(text.bytes.count)
            return .text(text.stripped(set))
        case .replace:
            let values = try bind("old", "new", "count", required: 2)
            var limit = -1
            if let count = values[2], case .null = count {
            } else if let count = values[2] {
                limit = try count.integerArgument("the count")
            }
            return .text(
                try replacing(try print(value), try print(values[0] ?? .null), try print(values[1] ?? .null), limit))
        case .join:
            let values = try bind("d", "attribute")
            let path = try path(values[1])
            let parts = try elements(of: value).map { try print(try item(at: path, of: $0)) }
            return .text(try joined(parts, try print(values[0] ?? .text(""))))
        case .format:
            guard arguments.named.isEmpty else {
                throw TemplateFault.unsupported("named arguments of the filter 'format'")
            }
            return .text(try formatted(try softText(value), with: .tuple(arguments.positional)))
        case .indent: return .text(try indented(value, try bind("width", "first", "blank")))
        case .truncate: return try truncated(value, try bind("length", "killwords", "end", "leeway"))
        case .center:
            let width = try bind("width")[0]?.integerArgument("the width") ?? 80
            return .text(try pad(try softText(value), to: width, "c", MarkedText(" ")))
        case .wordcount:
            _ = try bind()
            return .integer(try wordCount(value))
        case .tojson:
            return .text(
                try json(value, try bind("ensure_ascii", "indent", "separators", "sort_keys")))
        case .abs, .int, .float, .round, .sum: return try numberFilter(filter, value, arguments)
        case .first, .last, .reverse, .items, .min, .max, .sort, .dictsort, .unique:
            return try sequenceFilter(filter, value, arguments)
        case .map, .select, .reject, .selectattr, .rejectattr:
            return .generator(try lazyFilter(filter, value, arguments))
        }
    }

    /// `soft_str`: texts as they are, others as they print.
    func softText(_ value: TemplateValue) throws -> MarkedText {
        if case .text(let text) = value { return text }
        return try print(value)
    }

    private func length(of value: TemplateValue) throws -> Int {
        if case .text(let text) = value { try budget.read(text.bytes.count) }
        if case .loop(let state) = value, case .integer(let count)? = try state.attribute("length") { return count }
        guard let count = value.count else {
            throw TemplateFault.failed("object of type '\(value.typeName)' has no len()")
        }
        return count
    }

    // MARK: Paths

    /// One step of an `attribute` argument: a name, or an index.
    enum PathStep {
        case name(MarkedText)
        case index(Int)
    }

    /// The steps of `a.b.0`.
    func path(_ value: TemplateValue?) throws -> [PathStep] {
        switch value {
        case nil, .null: return []
        case .text(let text):
            return text.split(by: MarkedText("."), limit: -1).map { part in
                Int(part.string).flatMap { part.bytes.allSatisfy { $0 < 0x3A && $0 > 0x2F } ? .index($0) : nil }
                    ?? .name(part)
            }
        case let value?: return [.index(try value.integerArgument("an attribute"))]
        }
    }

    func item(at path: [PathStep], of value: TemplateValue, otherwise: TemplateValue? = nil) throws -> TemplateValue {
        var value = value
        for step in path {
            switch step {
            case .name(let name): value = try item(.text(name), of: value)
            case .index(let index): value = try item(.integer(index), of: value)
            }
            if let otherwise, case .undefined = value { value = otherwise }
        }
        return value
    }
}
