import ForetokenPlatform

/// Filters that make numbers.
extension TemplateInterpreter {
    func numberFilter(
        _ filter: TemplateFilter, _ value: TemplateValue, _ arguments: TemplateArguments
    ) throws -> TemplateValue {
        func bind(_ parameters: String...) throws -> [TemplateValue?] {
            try arguments.bind("the filter '\(filter.rawValue)'", parameters)
        }
        switch filter {
        case .int:
            let values = try bind("default", "base")
            guard try values[1]?.integerArgument("the base") ?? 10 == 10 else {
                throw TemplateFault.unsupported("another base than 10 of the filter 'int'")
            }
            return try integer(value) ?? values[0] ?? .integer(0)
        case .float:
            let values = try bind("default")
            if case .undefined(let undefined) = value { throw TemplateFault.failed(undefined.message) }
            if let double = value.asDouble { return .float(double) }
            if case .text(let text) = value {
                try budget.read(64 * text.bytes.count)
                if let double = Self.double(text) { return .float(double) }
            }
            return values[0] ?? .float(0)
        case .abs:
            _ = try bind()
            if let integer = value.asInteger {
                return integer < 0 ? try sign(value, isNegative: true) : .integer(integer)
            }
            if case .float(let double) = value { return .float(double.magnitude) }
            if case .undefined(let undefined) = value { throw TemplateFault.failed(undefined.message) }
            throw TemplateFault.failed("bad operand type for abs(): '\(value.typeName)'")
        case .round: return try rounded(value, try bind("precision", "method"))
        default:
            let values = try bind("attribute", "start")
            var sum = values[1] ?? .integer(0)
            if case .text = sum { throw TemplateFault.failed("sum() can't sum strings") }
            let path = try path(values[0])
            let next = try iterator(over: value)
            while let element = try next() {
                try budget.step()
                sum = try calculate(sum, .add, try item(at: path, of: element))
            }
            return sum
        }
    }

    /// `int(value)`, or of the text's number; nil if there is none.
    private func integer(_ value: TemplateValue) throws -> TemplateValue? {
        func truncated(_ double: Double) throws -> TemplateValue {
            guard let integer = Int(exactly: double.rounded(.towardZero)) else {
                throw TemplateFault.unsupported("an integer beyond 64 bits")
            }
            return .integer(integer)
        }
        if let integer = value.asInteger { return .integer(integer) }
        switch value {
        case .undefined(let undefined): throw TemplateFault.failed(undefined.message)
        case .float(let double):
            if double.isNaN { return nil }
            guard double.isFinite else { throw TemplateFault.failed("cannot convert float infinity to integer") }
            return try truncated(double)
        case .text(let text):
            try budget.read(64 * text.bytes.count)
            if let digits = Self.digits(text) {
                guard let integer = Int(digits) else { throw TemplateFault.unsupported("an integer beyond 64 bits") }
                return .integer(integer)
            }
            guard let double = Self.double(text), double.isFinite else { return nil }
            return try truncated(double)
        default: return nil
        }
    }

    /// The sign and digits of a text that is an integer to Python, without underscores.
    private static func digits(_ text: MarkedText) -> String? {
        let bytes = text.stripped(nil).bytes
        let unsigned =
            bytes.first == UInt8(ascii: "-") || bytes.first == UInt8(ascii: "+") ? bytes.dropFirst() : bytes[...]
        let groups = unsigned.split(separator: UInt8(ascii: "_"), omittingEmptySubsequences: false)
        let isNumber = groups.allSatisfy { group in
            !group.isEmpty && group.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        }
        guard isNumber else { return nil }
        return String(decoding: bytes.filter { $0 != UInt8(ascii: "_") }, as: UTF8.self)
    }

    /// `float(text)`.
    private static func double(_ text: MarkedText) -> Double? {
        let bytes = text.stripped(nil).bytes
        guard bytes.count <= 1000 else { return nil }
        let hasSign = bytes.first == UInt8(ascii: "-") || bytes.first == UInt8(ascii: "+")
        let unsigned = bytes.dropFirst(hasSign ? 1 : 0)
        if unsigned.count <= 8 {
            let word = String(decoding: unsigned, as: UTF8.self).lowercased()
            if word == "nan" { return .nan }
            if word == "inf" || word == "infinity" { return bytes.first == UInt8(ascii: "-") ? -.infinity : .infinity }
        }
        func isDigit(_ index: Int) -> Bool { index < bytes.count && (0x30...0x39).contains(bytes[index]) }
        var plain = bytes.prefix(hasSign ? 1 : 0)
        var index = plain.count
        // Digits with single underscores between them.
        func takeDigits() -> Int {
            var taken = 0
            while isDigit(index)
                || taken > 0 && index < bytes.count && bytes[index] == UInt8(ascii: "_") && isDigit(index + 1)
            {
                if isDigit(index) { plain.append(bytes[index]) }
                (index, taken) = (index + 1, taken + 1)
            }
            return taken
        }
        var digits = takeDigits()
        if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
            if digits == 0 { plain.append(0x30) }
            plain.append(bytes[index])
            index += 1
            let fraction = takeDigits()
            if fraction == 0 { plain.append(0x30) }
            digits += fraction
        }
        guard digits > 0 else { return nil }
        if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
            plain.append(bytes[index])
            index += 1
            if index < bytes.count, bytes[index] == UInt8(ascii: "-") || bytes[index] == UInt8(ascii: "+") {
                plain.append(bytes[index])
                index += 1
            }
            guard takeDigits() > 0 else { return nil }
        }
        return index == bytes.count ? Double(String(decoding: plain, as: UTF8.self)) : nil
    }

    private func rounded(_ value: TemplateValue, _ values: [TemplateValue?]) throws -> TemplateValue {
        let precision = try values[0]?.integerArgument("the precision") ?? 0
        let method = try values[1]?.textArgument("the method").string ?? "common"
        guard let double = value.asDouble else {
            if case .undefined(let undefined) = value { throw TemplateFault.failed(undefined.message) }
            throw TemplateFault.failed("type \(value.typeName) cannot be rounded")
        }
        guard (0...300).contains(precision), double.isFinite else {
            throw TemplateFault.unsupported("this precision, or an infinite number, of the filter 'round'")
        }
        // Printing 300 digits takes as long as hundreds of steps.
        try budget.read(6400)
        switch method {
        case "common":
            if let integer = value.asInteger { return .integer(integer) }
            return .float(Double(double.fixed(precision)) ?? double)
        case "ceil", "floor":
            let scale = pow(10, Double(precision))
            return .float((double * scale).rounded(method == "ceil" ? .up : .down) / scale)
        default: throw TemplateFault.failed("method must be common, ceil or floor")
        }
    }
}
