/// Upper and lower case, and what `repr` and HTML write for a text.
extension MarkedText {
    var uppercased: MarkedText {
        if isASCII { return mapASCII { (0x61...0x7A).contains($0) ? $0 - 32 : $0 } }
        return mapScalars { scalar, _ in scalar.properties.uppercaseMapping }
    }

    var lowercased: MarkedText {
        if isASCII { return mapASCII { (0x41...0x5A).contains($0) ? $0 + 32 : $0 } }
        return mapScalars { scalar, position in lowercase(scalar, at: position) }
    }

    /// The first code point in title case, the others in lower case.
    var capitalized: MarkedText {
        mapScalars { scalar, position in
            position == 0 ? scalar.properties.titlecaseMapping : lowercase(scalar, at: position)
        }
    }

    /// `str.title`: each run of cased letters begins in title case.
    var titlecased: MarkedText {
        var followsCased = false
        return mapScalars { scalar, position in
            defer { followsCased = scalar.properties.isCased }
            return followsCased ? lowercase(scalar, at: position) : scalar.properties.titlecaseMapping
        }
    }

    var swappedCase: MarkedText {
        mapScalars { scalar, position in
            if scalar.properties.isUppercase { return lowercase(scalar, at: position) }
            return scalar.properties.isLowercase ? scalar.properties.uppercaseMapping : nil
        }
    }

    private func mapASCII(_ map: (UInt8) -> UInt8) -> MarkedText {
        var result = MarkedText()
        for segment in segments { result.append(bytes[segment.range].map(map), marks: segment.marks) }
        result.isMarkup = isMarkup
        return result
    }

    /// A sigma at the end of a word has a form of its own (Unicode's Final_Sigma).
    private func lowercase(_ scalar: Unicode.Scalar, at position: Int) -> String {
        guard scalar == "\u{3A3}" else { return scalar.properties.lowercaseMapping }
        var before = position
        var followsCased = false
        while before > 0 {
            before = self.position(before: before)
            let properties = self.scalar(at: before).properties
            if properties.isCaseIgnorable { continue }
            followsCased = properties.isCased
            break
        }
        guard followsCased else { return "\u{3C3}" }
        var after = self.position(after: position)
        while after < bytes.count {
            let properties = self.scalar(at: after).properties
            if !properties.isCaseIgnorable { return properties.isCased ? "\u{3C3}" : "\u{3C2}" }
            after = self.position(after: after)
        }
        return "\u{3C2}"
    }

    /// Whether there is a cased code point and all of them satisfy a condition.
    func allCased(_ condition: (Unicode.Scalar.Properties) -> Bool) -> Bool {
        var found = false
        for scalar in scalars {
            let properties = scalar.properties
            guard properties.isUppercase || properties.isLowercase || properties.generalCategory == .titlecaseLetter
            else { continue }
            guard condition(properties) else { return false }
            found = true
        }
        return found
    }

    /// Python's `repr`: in quotes, with escapes.
    var pythonRepresentation: MarkedText {
        let quote = bytes.contains(UInt8(ascii: "'")) && !bytes.contains(UInt8(ascii: "\"")) ? "\"" : "'"
        var result = MarkedText(quote)
        var escaped = mapScalars { scalar, _ in
            switch scalar {
            case "\\": return "\\\\"
            case "'": return quote == "'" ? "\\'" : nil
            case "\n": return "\\n"
            case "\r": return "\\r"
            case "\t": return "\\t"
            case " "..."~": return nil
            default:
                guard !scalar.isPythonPrintable else { return nil }
                return switch scalar.value {
                case ..<0x100: "\\x" + scalar.hexadecimal(2)
                case ..<0x10000: "\\u" + scalar.hexadecimal(4)
                default: "\\U" + scalar.hexadecimal(8)
                }
            }
        }
        escaped.isMarkup = false
        result.append(escaped)
        result.append(quote)
        return result
    }

    /// The text for HTML.
    var htmlEscaped: MarkedText {
        if isMarkup { return self }
        var result = mapScalars { scalar, _ in
            switch scalar {
            case "&": "&amp;"
            case ">": "&gt;"
            case "<": "&lt;"
            case "'": "&#39;"
            case "\"": "&#34;"
            default: nil
            }
        }
        result.isMarkup = true
        return result
    }
}

extension Unicode.Scalar {
    /// The value in lower-case hexadecimal digits, at least `width`.
    func hexadecimal(_ width: Int) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
