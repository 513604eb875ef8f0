/// What Python prints.
extension TemplateValue {
    /// `str(value)`: texts as they are, others by `repr`.
    func printed() throws -> MarkedText {
        switch self {
        case .text(let text):
            guard text.isMarkup else { return text }
            var plain = text
            plain.isMarkup = false
            return plain
        case .undefined: return MarkedText()
        default:
            var text = MarkedText()
            try appendRepresentation(to: &text, depth: 0)
            return text
        }
    }

    /// Appends `repr(value)`.
    private func appendRepresentation(to text: inout MarkedText, depth: Int) throws {
        guard depth < 200 else { throw TemplateFault.limit("a value to print is nested deeper than 200 levels") }
        func list(_ values: [TemplateValue], _ open: String, _ close: String) throws {
            text.append(open)
            for (index, value) in values.enumerated() {
                if index > 0 { text.append(", ") }
                try value.appendRepresentation(to: &text, depth: depth + 1)
            }
            text.append(close)
        }
        func entries(_ entries: some Sequence<(TemplateValue, TemplateValue)>) throws {
            text.append("{")
            var isFirst = true
            for (key, value) in entries {
                if !isFirst { text.append(", ") }
                isFirst = false
                try key.appendRepresentation(to: &text, depth: depth + 1)
                text.append(": ")
                try value.appendRepresentation(to: &text, depth: depth + 1)
            }
            text.append("}")
        }
        switch self {
        case .undefined: text.append("Undefined")
        case .null: text.append("None")
        case .bool(let value): text.append(value ? "True" : "False")
        case .integer(let value): text.append(String(value))
        case .float(let value): text.append(value.pythonRepresentation)
        case .text(let value):
            guard !value.isMarkup else { throw TemplateFault.unsupported("printing a 'safe' text within a value") }
            text.append(value.pythonRepresentation)
        case .list(let elements): try list(elements.values, "[", "]")
        case .tuple(let elements): try list(elements.values, "(", elements.values.count == 1 ? ",)" : ")")
        case .dictionary(let dictionary): try entries(zip(dictionary.keys, dictionary.values))
        case .view(let view):
            try list((0..<view.dictionary.count).map(view.element), "\(typeName)([", "])")
        case .range(let range):
            text.append("range(\(range.start), \(range.stop)" + (range.step == 1 ? ")" : ", \(range.step))"))
        case .macro(let macro):
            text.append("<Macro " + (macro.definition.name.map { "'\($0)'" } ?? "anonymous") + ">")
        case .generator, .namespace, .function, .method, .loop:
            throw TemplateFault.unsupported("printing a value of type \(typeName)")
        }
    }
}

extension Double {
    /// `repr(float)`: the shortest digits, with an exponent below 1e-4 and from 1e16 on.
    var pythonRepresentation: String {
        if isNaN { return "nan" }
        if isInfinite { return self < 0 ? "-inf" : "inf" }
        // Swift's description has the same shortest digits in another layout.
        var digits = magnitude.description
        var exponent = 0
        if let mark = digits.firstIndex(of: "e") {
            exponent = Int(digits[digits.index(after: mark)...]) ?? 0
            digits = String(digits[..<mark])
        }
        let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
        var significand = String(parts[0]) + (parts.count > 1 ? String(parts[1]) : "")
        var point = parts[0].count + exponent
        let leading = significand.prefix { $0 == "0" }.count
        significand.removeFirst(min(leading, significand.count - 1))
        point -= min(leading, significand.count - 1 + leading)
        while significand.count > 1, significand.hasSuffix("0") { significand.removeLast() }
        let sign = self.sign == .minus ? "-" : ""
        if self == 0 { return sign + "0.0" }
        if point > 16 || point < -3 {
            let power = point - 1
            let fraction = significand.dropFirst()
            let magnitude = power.magnitude < 10 ? "0\(power.magnitude)" : "\(power.magnitude)"
            return sign + significand.prefix(1) + (fraction.isEmpty ? "" : "." + fraction) + "e"
                + (power < 0 ? "-" : "+") + magnitude
        }
        if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + significand }
        if point >= significand.count {
            return sign + significand + String(repeating: "0", count: point - significand.count) + ".0"
        }
        return sign + significand.prefix(point) + "." + significand.dropFirst(point)
    }
}
