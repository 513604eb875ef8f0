/// Strings, numbers and the letters of names.
extension TemplateLexer {
    func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    mutating func lexNumber() throws(TemplateFault) -> TemplateToken.Kind {
        let start = position
        func isDigit(_ position: Int) -> Bool {
            position < source.count && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(source[position])
        }
        func digits(from start: Int) -> Int {
            var position = start
            while isDigit(position)
                || position < source.count && source[position] == UInt8(ascii: "_")
                    && position > start && isDigit(position + 1)
            {
                position += 1
            }
            return position
        }
        var end = digits(from: start)
        var isFloat = false
        let followsDot = start > 0 && source[start - 1] == UInt8(ascii: ".")
        if !followsDot {
            if end < source.count, source[end] == UInt8(ascii: "."), isDigit(end + 1) {
                end = digits(from: end + 1)
                isFloat = true
            }
            if end < source.count, source[end] | 0x20 == UInt8(ascii: "e") {
                let sign = end + 1 < source.count && [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(source[end + 1])
                let exponent = end + (sign ? 2 : 1)
                if isDigit(exponent) {
                    end = digits(from: exponent)
                    isFloat = true
                }
            }
        }
        if end < source.count, isNameByte(source[end]) {
            throw .unsupported("a number in another base, or with letters behind it", at: start)
        }
        advance(to: end)
        let text = String(decoding: source[start..<end].filter { $0 != UInt8(ascii: "_") }, as: UTF8.self)
        if isFloat {
            guard let value = Double(text) else { throw .unsupported("this number", at: start) }
            return .float(value)
        }
        guard text.count == 1 || !text.hasPrefix("0") || text.allSatisfy({ $0 == "0" }) else {
            throw .syntax("a number begins with 0", at: start)
        }
        guard let value = Int(text) else { throw .unsupported("an integer beyond 64 bits", at: start) }
        return .integer(value)
    }

    /// Reads a string literal, with Python's escapes.
    mutating func lexString(quote: UInt8) throws(TemplateFault) -> [UInt8] {
        let start = position
        var result: [UInt8] = []
        var index = position + 1
        while index < source.count, source[index] != quote {
            guard source[index] == UInt8(ascii: "\\") else {
                result.append(source[index])
                index += 1
                continue
            }
            guard index + 1 < source.count else { break }
            index += 2
            try unescape(&index, into: &result)
        }
        guard index < source.count else { throw .syntax("a string is not closed", at: start) }
        advance(to: index + 1)
        return result
    }

    /// Reads an escape; `index` stands behind the letter after the backslash.
    private func unescape(_ index: inout Int, into result: inout [UInt8]) throws(TemplateFault) {
        let letter = source[index - 1]
        switch letter {
        case 0x0A: break
        case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): result.append(letter)
        case UInt8(ascii: "a"): result.append(0x07)
        case UInt8(ascii: "b"): result.append(0x08)
        case UInt8(ascii: "f"): result.append(0x0C)
        case UInt8(ascii: "n"): result.append(0x0A)
        case UInt8(ascii: "r"): result.append(0x0D)
        case UInt8(ascii: "t"): result.append(0x09)
        case UInt8(ascii: "v"): result.append(0x0B)
        case UInt8(ascii: "0")...UInt8(ascii: "7"):
            var value = UInt32(letter - UInt8(ascii: "0"))
            var length = 1
            while length < 3, index < source.count, (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(source[index]) {
                value = value * 8 + UInt32(source[index] - UInt8(ascii: "0"))
                index += 1
                length += 1
            }
            try append(value, at: index, to: &result)
        case UInt8(ascii: "x"): try append(hexadecimal(2, &index), at: index, to: &result)
        case UInt8(ascii: "u"): try append(hexadecimal(4, &index), at: index, to: &result)
        case UInt8(ascii: "U"): try append(hexadecimal(8, &index), at: index, to: &result)
        case UInt8(ascii: "N"): throw .unsupported("the escape \\N in a string", at: index - 2)
        case 0x80...: throw .unsupported("a backslash before such a letter", at: index - 2)
        default: result += [UInt8(ascii: "\\"), letter]
        }
    }

    private func hexadecimal(_ digits: Int, _ index: inout Int) throws(TemplateFault) -> UInt32 {
        let end = index + digits
        guard end <= source.count,
            source[index..<end].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let value = UInt32(String(decoding: source[index..<end], as: UTF8.self), radix: 16)
        else { throw .syntax("an escape needs \(digits) hexadecimal digits", at: index) }
        index = end
        return value
    }

    private func append(_ value: UInt32, at index: Int, to result: inout [UInt8]) throws(TemplateFault) {
        guard let scalar = Unicode.Scalar(value), let bytes = UTF8.encode(scalar) else {
            throw .syntax("an escape is half of a surrogate pair, or no code point", at: index)
        }
        result += bytes
    }
}
