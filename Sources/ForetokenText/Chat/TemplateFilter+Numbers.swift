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
            if case .text(let text) = value, let double = Self.double(text) { return .float(double) }
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
            try budget.read(text.bytes.count)
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
        guard bytes.count <= 1000, !bytes.contains(where: { "xXpP()".utf8.contains($0) }) else { return nil }
        var plain: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            guard byte == UInt8(ascii: "_") else {
                plain.append(byte)
                continue
            }
            let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
            guard index > 0, digits.contains(bytes[index - 1]), index + 1 < bytes.count,
                digits.contains(bytes[index + 1])
            else { return nil }
        }
        var string = String(decoding: plain, as: UTF8.self)
        // Python reads "1." and ".5".
        let unsigned = string.drop { $0 == "+" || $0 == "-" }
        if unsigned.hasPrefix("."), unsigned.dropFirst().first?.isNumber == true {
            string = String(string.prefix(string.count - unsigned.count)) + "0" + unsigned
        }
        if let point = string.firstIndex(of: "."), string.index(after: point) == string.endIndex, string.count > 1 {
            string.removeLast()
        } else {
            string = string.replacing(".e", with: ".0e").replacing(".E", with: ".0E")
        }
        return Double(string)
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
