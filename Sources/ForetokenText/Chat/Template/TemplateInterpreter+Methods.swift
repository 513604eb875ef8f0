/// Methods of strings, lists and dictionaries.
extension TemplateInterpreter {
    func call(_ method: TemplateValue.BoundMethod, _ arguments: TemplateArguments) throws -> TemplateValue {
        switch method.receiver {
        case .text(let text): return try call(method.name, of: text, arguments)
        case .dictionary(let dictionary): return try call(method.name, of: dictionary, arguments)
        case .list(let elements), .tuple(let elements):
            return try call(method.name, of: elements, method.receiver, arguments)
        case .loop(let state):
            if method.name == "changed" {
                guard arguments.positional.allSatisfy({ $0.depth == 0 }) else {
                    throw TemplateFault.unsupported("'loop.changed' of lists or other containers")
                }
                for value in arguments.positional { try budget.read(value.weight) }
                return .bool(state.changed(arguments.positional))
            }
            guard !arguments.positional.isEmpty else { throw TemplateFault.failed("no items for cycling given") }
            return arguments.positional[max(0, state.index) % arguments.positional.count]
        default: throw TemplateFault.unsupported("the method '\(method.name)' of \(method.receiver.typeName)")
        }
    }

    private func call(
        _ name: String, of dictionary: TemplateDictionary, _ arguments: TemplateArguments
    ) throws -> TemplateValue {
        switch name {
        case "get":
            let values = try arguments.bind("get", ["key", "default"], required: 1, positionalOnly: 2)
            return dictionary[try key(of: values[0] ?? .null)] ?? values[1] ?? .null
        case "keys", "values", "items":
            _ = try arguments.bind(name, [])
            let kind = TemplateValue.DictionaryView.Kind(rawValue: name) ?? .items
            return .view(TemplateValue.DictionaryView(kind: kind, dictionary: dictionary))
        case "copy":
            _ = try arguments.bind(name, [])
            return .dictionary(dictionary)
        default: throw TemplateFault.unsupported("the method '\(name)' of dict")
        }
    }

    private func call(
        _ name: String, of elements: TemplateValue.Elements, _ receiver: TemplateValue,
        _ arguments: TemplateArguments
    ) throws -> TemplateValue {
        if name == "copy" {
            _ = try arguments.bind(name, [])
            return receiver
        }
        let value = try arguments.bind(name, ["value"], required: 1, positionalOnly: 1)[0] ?? .null
        var count = 0
        for (index, element) in elements.values.enumerated() where try areEqual(element, value) {
            if name == "index" { return .integer(index) }
            count += 1
        }
        guard name == "count" else { throw TemplateFault.failed("the value is not in the \(receiver.typeName)") }
        return .integer(count)
    }

    // MARK: Strings

    private func call(_ name: String, of text: MarkedText, _ arguments: TemplateArguments) throws -> TemplateValue {
        // Most methods look at every code point.
        try budget.read(8 * text.bytes.count)
        switch name {
        case "strip", "lstrip", "rstrip":
            let set = try stripSet(try arguments.bind(name, ["chars"], positionalOnly: 1)[0])
            try budget.allocate(text.bytes.count)
            return .text(text.stripped(set, left: name != "rstrip", right: name != "lstrip"))
        case "split", "rsplit": return try split(text, fromRight: name == "rsplit", arguments)
        case "splitlines":
            let keeps = try arguments.bind(name, ["keepends"])[0]?.isTrue ?? false
            return try makeTexts(text.lines(keepsEnds: keeps), of: text)
        case "startswith", "endswith": return .bool(try hasAffix(text, atStart: name == "startswith", arguments))
        case "replace":
            guard !text.isMarkup else { throw TemplateFault.unsupported("'replace' of a 'safe' text") }
            let values = try arguments.bind(name, ["old", "new", "count"], required: 2, positionalOnly: 3)
            return .text(
                try replacing(
                    text, try (values[0] ?? .null).textArgument("replace() argument 1"),
                    try (values[1] ?? .null).textArgument("replace() argument 2"),
                    try values[2]?.integerArgument("the count") ?? -1))
        case "upper", "lower", "title", "capitalize", "casefold", "swapcase":
            _ = try arguments.bind(name, [])
            return .text(try cased(text, name))
        case "find", "rfind", "index", "rindex", "count": return .integer(try search(text, name, arguments))
        case "join":
            guard !text.isMarkup else { throw TemplateFault.unsupported("'join' of a 'safe' text") }
            let values = try arguments.bind(name, ["iterable"], required: 1, positionalOnly: 1)
            let parts = try elements(of: values[0] ?? .null).map { try $0.textArgument("an element to join") }
            return .text(try joined(parts, text))
        case "format":
            guard !text.isMarkup else { throw TemplateFault.unsupported("'format' of a 'safe' text") }
            return .text(try formatted(text, arguments))
        case "removeprefix", "removesuffix":
            let affix = try (try arguments.bind(name, ["affix"], required: 1, positionalOnly: 1)[0] ?? .null)
                .textArgument("the argument")
            let (count, length) = (text.bytes.count, affix.bytes.count)
            let matches = name == "removeprefix" ? text.hasPrefix(affix) : text.hasSuffix(affix)
            guard matches, length > 0 else { return .text(text) }
            try budget.allocate(count)
            return .text(text.slice(name == "removeprefix" ? length..<count : 0..<count - length))
        case "partition", "rpartition": return try partition(text, name, arguments)
        case "isdigit", "isdecimal", "isnumeric", "isalpha", "isalnum", "isspace", "isupper", "islower", "isascii":
            _ = try arguments.bind(name, [])
            try budget.read(32 * text.bytes.count)
            return .bool(classified(text, name))
        case "ljust", "rjust", "center", "zfill": return .text(try padded(text, name, arguments))
        default: throw TemplateFault.unsupported("the method '\(name)' of str")
        }
    }

    /// What `strip` removes; nil is white space.
    func stripSet(_ value: TemplateValue?) throws -> MarkedText? {
        switch value {
        case nil, .null?: return nil
        case let value?:
            let set = try value.textArgument("what to strip")
            try budget.read(16 * set.bytes.count)
            return set
        }
    }

    func makeTexts(_ parts: [MarkedText], of text: MarkedText) throws -> TemplateValue {
        try budget.allocate(text.bytes.count)
        return try makeList(parts.map { .text($0) })
    }

    private func split(
        _ text: MarkedText, fromRight: Bool, _ arguments: TemplateArguments
    ) throws -> TemplateValue {
        let values = try arguments.bind("split", ["sep", "maxsplit"])
        let limit = max(-1, try values[1]?.integerArgument("maxsplit") ?? -1)
        guard let separator = try stripSet(values[0]) else {
            let parts = fromRight ? text.splitAtSpaceFromRight(limit: limit) : text.splitAtSpace(limit: limit)
            return try makeTexts(parts, of: text)
        }
        guard !separator.isEmpty else { throw TemplateFault.failed("empty separator") }
        let parts =
            fromRight ? text.splitFromRight(by: separator, limit: limit) : text.split(by: separator, limit: limit)
        return try makeTexts(parts, of: text)
    }

    private func hasAffix(_ text: MarkedText, atStart: Bool, _ arguments: TemplateArguments) throws -> Bool {
        let name = atStart ? "startswith" : "endswith"
        let values = try arguments.bind(name, ["affix", "start", "end"], required: 1, positionalOnly: 3)
        var text = text
        if values[1] != nil || values[2] != nil {
            if let start = values[1]?.asInteger, start > text.count { return false }
            guard case .text(let part) = try slice(.text(text), values[1], values[2], nil) else { return false }
            text = part
        }
        var affixes = [values[0] ?? .null]
        if case .tuple(let elements) = affixes[0] { affixes = elements.values }
        for affix in affixes {
            let affix = try affix.textArgument("\(name) first arg")
            if atStart ? text.hasPrefix(affix) : text.hasSuffix(affix) { return true }
        }
        return false
    }

    func replacing(
        _ text: MarkedText, _ old: MarkedText, _ new: MarkedText, _ limit: Int
    ) throws -> MarkedText {
        try budget.read(text.bytes.count)
        let occurrences = limit == 0 ? 0 : text.occurrences(of: old)
        let count = limit < 0 ? occurrences : min(limit, occurrences)
        let growth = count.multipliedReportingOverflow(by: new.bytes.count)
        try budget.allocate(growth.overflow ? .max : TemplateValue.sum(text.bytes.count, growth.partialValue))
        return text.replacing(old, with: new, limit: count)
    }

    func joined(_ parts: [MarkedText], _ separator: MarkedText) throws -> MarkedText {
        var result = MarkedText()
        for (index, part) in parts.enumerated() {
            try budget.step()
            if index > 0 { try append(separator, to: &result) }
            try append(part, to: &result)
        }
        return result
    }

    func cased(_ text: MarkedText, _ name: String) throws -> MarkedText {
        try budget.allocate(3 * text.bytes.count)
        if !text.isASCII { try budget.read(32 * text.bytes.count) }
        switch name {
        case "upper": return text.uppercased
        case "lower": return text.lowercased
        case "title": return text.titlecased
        case "capitalize": return text.capitalized
        case "swapcase": return text.swappedCase
        default:
            guard text.isASCII else { throw TemplateFault.unsupported("'\(name)' of other letters than ASCII's") }
            return text.lowercased
        }
    }
}
