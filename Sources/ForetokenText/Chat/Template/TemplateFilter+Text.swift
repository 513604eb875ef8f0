/// Filters that make text.
extension TemplateInterpreter {
    /// Words begin in upper case after white space and opening brackets.
    func titled(_ text: MarkedText) throws -> MarkedText {
        try budget.allocate(3 * text.bytes.count)
        var result = MarkedText()
        var position = 0
        func isBreak(_ scalar: Unicode.Scalar) -> Bool {
            scalar.isPythonSpace || ["-", "(", "{", "[", "<"].contains(scalar)
        }
        while position < text.bytes.count {
            let isGap = isBreak(text.scalar(at: position))
            var end = position
            while end < text.bytes.count, isBreak(text.scalar(at: end)) == isGap { end = text.position(after: end) }
            let first = text.position(after: position)
            result.append(text.slice(position..<first).uppercased)
            result.append(text.slice(first..<end).lowercased)
            position = end
        }
        result.isMarkup = text.isMarkup
        return result
    }

    func indented(_ value: TemplateValue, _ values: [TemplateValue?]) throws -> MarkedText {
        let text = try value.textArgument("what to indent")
        guard !text.isMarkup else { throw TemplateFault.unsupported("'indent' of a 'safe' text") }
        let indentation: MarkedText
        switch values[0] {
        case nil: indentation = MarkedText("    ")
        case .text(let given)?: indentation = given
        case let width?:
            let width = try width.integerArgument("the width")
            try budget.allocate(max(0, width))
            indentation = MarkedText([UInt8](repeating: 0x20, count: max(0, width)))
        }
        let (first, blank) = (values[1]?.isTrue ?? false, values[2]?.isTrue ?? false)
        try budget.read(text.bytes.count)
        var result = MarkedText()
        if first { try append(indentation, to: &result) }
        for (index, line) in (text + MarkedText("\n")).lines().enumerated() {
            if index > 0 {
                result.append("\n")
                if blank || !line.isEmpty { try append(indentation, to: &result) }
            }
            try append(line, to: &result)
        }
        return result
    }

    func truncated(_ value: TemplateValue, _ values: [TemplateValue?]) throws -> TemplateValue {
        let length = try values[0]?.integerArgument("the length") ?? 255
        let end = try values[2]?.textArgument("the end") ?? MarkedText("...")
        var leeway = 5
        if let value = values[3] {
            if case .null = value {} else { leeway = try value.integerArgument("the leeway") }
        }
        guard length >= end.count, leeway >= 0 else {
            throw TemplateFault.failed("expected length >= \(end.count) and leeway >= 0")
        }
        if let count = value.count, count <= length || count - length <= leeway { return value }
        let text = try value.textArgument("what to truncate")
        try budget.allocate(2 * text.bytes.count + end.bytes.count)
        let start = text.slice(0..<text.position(ofScalar: length - end.count))
        if values[1]?.isTrue ?? false { return .text(start + end) }
        return .text(start.splitFromRight(by: MarkedText(" "), limit: 1)[0] + end)
    }

    /// The runs of letters, digits and underscores.
    func wordCount(_ value: TemplateValue) throws -> Int {
        let text = try softText(value)
        try budget.read(64 * text.bytes.count)
        var (count, isInside) = (0, false)
        for scalar in text.scalars {
            let isWord = scalar == "_" || classified(MarkedText(String(scalar)), "isalnum")
            if isWord, !isInside { count += 1 }
            isInside = isWord
        }
        return count
    }

    /// `tojson`, as transformers replaces it.
    func json(_ value: TemplateValue, _ values: [TemplateValue?]) throws -> MarkedText {
        var writer = TemplateJSONWriter()
        writer.ensuresASCII = values[0]?.isTrue ?? false
        switch values[1] {
        case nil, .null?: break
        case .text(let text)?: writer.indentation = text
        case let width?:
            let width = try width.integerArgument("the indentation")
            writer.indentation = MarkedText([UInt8](repeating: 0x20, count: min(max(0, width), 101)))
        }
        if writer.indentation != nil { writer.itemSeparator = MarkedText(",") }
        switch values[2] {
        case nil, .null?: break
        case let separators?:
            let texts = try elements(of: separators).map { try $0.textArgument("a separator") }
            guard texts.count == 2 else { throw TemplateFault.failed("'tojson' needs two separators") }
            (writer.itemSeparator, writer.keySeparator) = (texts[0], texts[1])
        }
        for text in [writer.indentation, writer.itemSeparator, writer.keySeparator] {
            guard text?.bytes.count ?? 0 <= 100 else {
                throw TemplateFault.limit("the indentation or a separator of 'tojson' is over 100 bytes long")
            }
        }
        writer.sortsKeys = values[3]?.isTrue ?? false
        try budget.read(value.weight)
        let size = value.weight.multipliedReportingOverflow(
            by: 2 + (writer.indentation?.bytes.count ?? 0) * value.depth)
        try budget.allocate(size.overflow ? .max : size.partialValue)
        var text = MarkedText()
        try writer.write(value, to: &text)
        try budget.allocate(text.bytes.count)
        return text
    }
}
