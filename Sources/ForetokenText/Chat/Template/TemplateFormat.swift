/// Python's two ways to format: `"…" % values` and `"…".format(values)`.
extension TemplateInterpreter {
    // MARK: %

    /// `format % value`.
    func formatted(_ format: MarkedText, with value: TemplateValue) throws -> MarkedText {
        guard !format.isMarkup else { throw TemplateFault.unsupported("'%' of a 'safe' text") }
        try budget.read(format.bytes.count)
        var values = [value]
        if case .tuple(let elements) = value { values = elements.values }
        var used = 0
        var isMapping = false
        var result = MarkedText()
        let bytes = format.bytes
        var position = 0
        func next() throws -> TemplateValue {
            guard used < values.count else { throw TemplateFault.failed("not enough arguments for format string") }
            used += 1
            return values[used - 1]
        }
        while position < bytes.count {
            guard let percent = bytes[position...].firstIndex(of: UInt8(ascii: "%")) else { break }
            try append(format.slice(position..<percent), to: &result)
            position = percent + 1
            var key: MarkedText?
            if position < bytes.count, bytes[position] == UInt8(ascii: "(") {
                guard let close = bytes[position...].firstIndex(of: UInt8(ascii: ")")) else {
                    throw TemplateFault.failed("incomplete format key")
                }
                key = format.slice(position + 1..<close)
                position = close + 1
            }
            var specification = FormatSpecification()
            specification.alignment = ">"
            position = specification.readPrintf(bytes, from: position)
            guard position < bytes.count else { throw TemplateFault.failed("incomplete format") }
            let conversion = Character(Unicode.Scalar(bytes[position]))
            position += 1
            if conversion == "%" {
                try append(MarkedText("%"), to: &result)
                continue
            }
            var argument: TemplateValue
            if let key {
                guard case .dictionary(let dictionary) = value else {
                    throw TemplateFault.failed("format requires a mapping")
                }
                isMapping = true
                guard let found = dictionary[.text(key)] else {
                    throw TemplateFault.failed("the format's key is missing")
                }
                argument = found
            } else {
                argument = try next()
            }
            switch conversion {
            case "s": break
            case "r": argument = .text(try representation(argument))
            case "d", "i", "u":
                if case .float(let double) = argument, let whole = Int(exactly: double.rounded(.towardZero)) {
                    argument = .integer(whole)
                }
                guard argument.asInteger != nil else { throw TemplateFault.failed("%d format: a number is required") }
            case "f", "F":
                guard let double = argument.asDouble else { throw TemplateFault.failed("must be real number") }
                argument = .float(double)
            default: throw TemplateFault.unsupported("the format '%\(conversion)'")
            }
            specification.kind =
                ["s", "r"].contains(conversion) ? "s" : conversion == "f" || conversion == "F" ? "f" : "d"
            if specification.kind == "s" { argument = .text(try print(argument)) }
            try append(try formatted(argument, specification), to: &result)
        }
        if !isMapping, used < values.count {
            // What Python takes for a mapping may go unused.
            switch value {
            case .dictionary, .list, .range, .undefined: break
            default: throw TemplateFault.failed("not all arguments converted during string formatting")
            }
        }
        try append(format.slice(position..<bytes.count), to: &result)
        return result
    }

    /// `repr(value)`.
    private func representation(_ value: TemplateValue) throws -> MarkedText {
        if case .text(let text) = value {
            try budget.allocate(4 * text.bytes.count)
            return text.pythonRepresentation
        }
        if case .undefined = value { return MarkedText("Undefined") }
        return try print(value)
    }

    // MARK: str.format

    func formatted(_ format: MarkedText, _ arguments: TemplateArguments) throws -> MarkedText {
        var result = MarkedText()
        let bytes = format.bytes
        var position = 0
        var automatic = 0
        let (open, close) = (UInt8(ascii: "{"), UInt8(ascii: "}"))
        while position < bytes.count {
            guard let brace = bytes[position...].firstIndex(where: { $0 == open || $0 == close }) else { break }
            try append(format.slice(position..<brace), to: &result)
            position = brace + 1
            if position < bytes.count, bytes[position] == bytes[brace] {
                try append(format.slice(brace..<position), to: &result)
                position += 1
                continue
            }
            guard bytes[brace] == open else {
                throw TemplateFault.failed("Single '}' encountered in format string")
            }
            guard let end = bytes[position...].firstIndex(of: close) else {
                throw TemplateFault.failed("expected '}' before end of string")
            }
            let field = String(decoding: bytes[position..<end], as: UTF8.self)
            guard !field.contains("{") else { throw TemplateFault.unsupported("a field within a field of a format") }
            try append(try formatted(field: field, arguments, &automatic), to: &result)
            position = end + 1
        }
        try append(format.slice(position..<bytes.count), to: &result)
        return result
    }

    /// `name.attribute[key]!conversion:specification`.
    private func formatted(
        field: String, _ arguments: TemplateArguments, _ automatic: inout Int
    ) throws -> MarkedText {
        let colon = field.firstIndex(of: ":") ?? field.endIndex
        var name = field[..<colon]
        var conversion: Substring?
        if let mark = name.firstIndex(of: "!") {
            conversion = name[name.index(after: mark)...]
            name = name[..<mark]
        }
        guard name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ".") }) else {
            throw TemplateFault.unsupported("the field '\(name)' of a format")
        }
        var path = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)[...]
        let first = path.popFirst() ?? ""
        var value: TemplateValue
        if let index = first.isEmpty ? automatic : Int(first) {
            guard first.isEmpty ? automatic >= 0 : automatic <= 0 else {
                throw TemplateFault.failed("cannot mix automatic and manual field numbering")
            }
            automatic = first.isEmpty ? automatic + 1 : -1
            guard arguments.positional.indices.contains(index) else {
                throw TemplateFault.failed("Replacement index \(index) out of range for positional args tuple")
            }
            value = arguments.positional[index]
        } else {
            guard let found = arguments.named.first(where: { $0.name == first }) else {
                throw TemplateFault.failed("the format's argument '\(first)' is missing")
            }
            value = found.value
        }
        for name in path { value = try attribute(name, of: value) }
        switch conversion {
        case nil: break
        case "s": value = .text(try print(value))
        case "r": value = .text(try representation(value))
        default: throw TemplateFault.unsupported("the conversion '!\(conversion ?? "")' of a format")
        }
        let text = colon < field.endIndex ? field[field.index(after: colon)...] : ""
        if text.isEmpty { return try print(value) }
        guard var specification = FormatSpecification(text) else {
            throw TemplateFault.unsupported("the format ':\(text)'")
        }
        switch value {
        case .text: if specification.kind == "" { specification.kind = "s" }
        case .integer: if specification.kind == "" { specification.kind = "d" }
        case .float: break
        default: throw TemplateFault.unsupported("the format ':\(text)' of a value of type \(value.typeName)")
        }
        if specification.kind == "f", let double = value.asDouble { value = .float(double) }
        return try formatted(value, specification)
    }

    /// A string, integer (`d`) or number (`f`) with width, precision, sign and fill.
    private func formatted(_ value: TemplateValue, _ specification: FormatSpecification) throws -> MarkedText {
        guard specification.width <= 1_000_000, specification.precision ?? 0 <= 1000 else {
            throw TemplateFault.limit("a format is wider than 1000000 characters or 1000 digits")
        }
        let fill = MarkedText(String(specification.fill))
        switch (value, specification.kind) {
        case (.text(let text), "s"):
            guard specification.sign == nil, !specification.groups, specification.alignment != "=" else {
                throw TemplateFault.failed("this format is not allowed for strings")
            }
            let count = min(specification.precision ?? .max, text.count)
            let cut = try slice(.text(text), nil, .integer(count), nil)
            guard case .text(let shown) = cut else { return text }
            return try pad(shown, to: specification.width, specification.alignment ?? "<", fill)
        case (.integer, "d"), (.float, "f"):
            var digits: String
            var isNegative = false
            if case .float(let double) = value {
                guard double.isFinite else { throw TemplateFault.unsupported("the format of infinity or NaN") }
                isNegative = double.sign == .minus
                try budget.read(6400)
                digits = double.magnitude.fixed(specification.precision ?? 6)
            } else {
                let integer = value.asInteger ?? 0
                guard specification.precision == nil else { throw TemplateFault.unsupported("digits of an integer") }
                isNegative = integer < 0
                digits = String(integer.magnitude)
            }
            if specification.groups { digits = digits.groupedByThousands }
            let sign = isNegative ? "-" : specification.sign.map { $0 == "-" ? "" : String($0) } ?? ""
            if specification.alignment == "=" {
                let rest = try pad(MarkedText(digits), to: specification.width - sign.count, ">", fill)
                return MarkedText(sign) + rest
            }
            return try pad(MarkedText(sign + digits), to: specification.width, specification.alignment ?? ">", fill)
        default:
            throw TemplateFault.unsupported("this format of a value of type \(value.typeName)")
        }
    }
}
