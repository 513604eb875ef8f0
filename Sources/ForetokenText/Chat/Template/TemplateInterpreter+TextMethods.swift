/// More methods of strings: searching, classifying, padding.
extension TemplateInterpreter {
    func search(_ text: MarkedText, _ name: String, _ arguments: TemplateArguments) throws -> Int {
        let values = try arguments.bind(name, ["sub", "start", "end"], required: 1, positionalOnly: 3)
        let part = try (values[0] ?? .null).textArgument("the argument of \(name)")
        let count = text.count
        func bound(_ value: TemplateValue?, _ otherwise: Int) throws -> Int {
            guard let value, case let index? = value.asInteger else { return otherwise }
            return min(max(index < 0 ? index + count : index, 0), count)
        }
        if let start = values[1]?.asInteger, start > count { return try notFound(name) }
        let (start, end) = (try bound(values[1], 0), try bound(values[2], count))
        guard start <= end else { return try notFound(name) }
        let range = text.position(ofScalar: start)..<text.position(ofScalar: end)
        if name == "count" { return text.slice(range).occurrences(of: part) }
        let isLast = name.hasPrefix("r")
        let found =
            part.isEmpty
            ? (isLast ? range.upperBound : range.lowerBound)
            : isLast ? text.findLast(part.bytes, in: range) : text.find(part.bytes, in: range)
        guard let found else { return try notFound(name) }
        return text.isASCII ? found : text.slice(0..<found).count
    }

    private func notFound(_ name: String) throws -> Int {
        if name == "count" { return 0 }
        guard name.hasSuffix("find") else { throw TemplateFault.failed("substring not found") }
        return -1
    }

    func partition(_ text: MarkedText, _ name: String, _ arguments: TemplateArguments) throws -> TemplateValue {
        let separator = try (try arguments.bind(name, ["sep"], required: 1, positionalOnly: 1)[0] ?? .null)
            .textArgument("the separator")
        guard !separator.isEmpty else { throw TemplateFault.failed("empty separator") }
        try budget.allocate(text.bytes.count + 256)
        let range = 0..<text.bytes.count
        let found =
            name == "partition" ? text.find(separator.bytes, in: range) : text.findLast(separator.bytes, in: range)
        guard let found else {
            let parts = [text, MarkedText(), MarkedText()]
            return .tuple((name == "partition" ? parts : parts.reversed()).map { .text($0) })
        }
        let end = found + separator.bytes.count
        return .tuple(
            [text.slice(0..<found), text.slice(found..<end), text.slice(end..<text.bytes.count)].map { .text($0) })
    }

    func classified(_ text: MarkedText, _ name: String) -> Bool {
        if name == "isascii" { return text.isASCII }
        guard !text.isEmpty else { return false }
        switch name {
        case "isspace": return text.scalars.allSatisfy(\.isPythonSpace)
        case "isupper":
            return text.allCased { $0.isUppercase && $0.generalCategory != .titlecaseLetter }
        case "islower": return text.allCased { $0.isLowercase }
        default:
            return text.scalars.allSatisfy { scalar in
                let properties = scalar.properties
                let isAlpha =
                    switch properties.generalCategory {
                    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
                    default: false
                    }
                let isDecimal = properties.generalCategory == .decimalNumber
                let isDigit = properties.numericType == .decimal || properties.numericType == .digit
                return switch name {
                case "isalpha": isAlpha
                case "isdecimal": isDecimal
                case "isdigit": isDigit
                case "isnumeric": properties.numericType != nil
                default: isAlpha || properties.numericType != nil
                }
            }
        }
    }

    func padded(_ text: MarkedText, _ name: String, _ arguments: TemplateArguments) throws -> MarkedText {
        let values = try arguments.bind(
            name, name == "zfill" ? ["width"] : ["width", "fillchar"], required: 1, positionalOnly: 2)
        let width = try (values[0] ?? .null).integerArgument("the width")
        let fill = try values.count > 1 ? values[1]?.textArgument("the fill character") : MarkedText("0")
        guard fill == nil || fill?.count == 1 else {
            throw TemplateFault.failed("the fill character must be exactly one character long")
        }
        let alignment: Character =
            switch name {
            case "ljust": "<"
            case "rjust", "zfill": ">"
            default: "c"
            }
        if name == "zfill", let first = text.bytes.first, [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(first) {
            let digits = try pad(
                text.slice(1..<text.bytes.count), to: width - min(1, max(0, width)), ">", MarkedText("0"))
            return text.slice(0..<1) + digits
        }
        return try pad(text, to: width, alignment, fill ?? MarkedText(" "))
    }

    /// Fills up to a width; of an odd number, `^` puts one more to the right and `c` where `str.center` does.
    func pad(_ text: MarkedText, to width: Int, _ alignment: Character, _ fill: MarkedText) throws -> MarkedText {
        let count = text.count
        guard width > count else { return text }
        let missing = width - count
        let total = missing.multipliedReportingOverflow(by: fill.bytes.count)
        try budget.allocate(total.overflow ? .max : TemplateValue.sum(total.partialValue, text.bytes.count))
        let left =
            switch alignment {
            case "<": 0
            case ">": missing
            case "^": missing / 2
            default: missing / 2 + (missing & width & 1)
            }
        var result = MarkedText()
        for _ in 0..<left { result.append(fill) }
        result.append(text)
        for _ in 0..<missing - left { result.append(fill) }
        return result
    }
}
