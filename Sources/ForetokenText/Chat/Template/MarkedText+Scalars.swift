/// Code points.
extension MarkedText {
    /// The number of code points.
    var count: Int { isASCII ? bytes.count : bytes.count { $0 & 0xC0 != 0x80 } }

    /// The byte position after the code point at a byte position.
    func position(after position: Int) -> Int {
        if isASCII { return position + 1 }
        var next = position + 1
        while next < bytes.count, bytes[next] & 0xC0 == 0x80 { next += 1 }
        return next
    }

    /// The byte position of the code point before a byte position.
    func position(before position: Int) -> Int {
        if isASCII { return position - 1 }
        var previous = position - 1
        while previous > 0, bytes[previous] & 0xC0 == 0x80 { previous -= 1 }
        return previous
    }

    /// The byte position of a code point's index; the number of bytes beyond the end.
    func position(ofScalar index: Int) -> Int {
        if isASCII { return min(index, bytes.count) }
        var (position, remaining) = (0, index)
        while remaining > 0, position < bytes.count {
            position = self.position(after: position)
            remaining -= 1
        }
        return position
    }

    /// The code point at a byte position.
    func scalar(at position: Int) -> Unicode.Scalar {
        let first = UInt32(bytes[position])
        func rest(_ offset: Int) -> UInt32 { UInt32(bytes[position + offset] & 0x3F) }
        let value: UInt32 =
            switch first {
            case ..<0x80: first
            case ..<0xE0: (first & 0x1F) << 6 | rest(1)
            case ..<0xF0: (first & 0x0F) << 12 | rest(1) << 6 | rest(2)
            default: (first & 0x07) << 18 | rest(1) << 12 | rest(2) << 6 | rest(3)
            }
        return Unicode.Scalar(value) ?? "\u{FFFD}"
    }

    /// The code points.
    var scalars: [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(bytes.count)
        var position = 0
        while position < bytes.count {
            result.append(scalar(at: position))
            position = self.position(after: position)
        }
        return result
    }

    /// The code point at an index, as a text.
    func element(at index: Int) -> MarkedText? {
        let start = position(ofScalar: index)
        return start < bytes.count ? slice(start..<position(after: start)) : nil
    }

    /// The code points of a slice of Python's, at indices `start`, `start + step`, …, `count` of them.
    func slice(from start: Int, by step: Int, count: Int) -> MarkedText {
        guard count > 0 else { return MarkedText() }
        if step == 1 { return slice(position(ofScalar: start)..<position(ofScalar: start + count)) }
        var starts: [Int] = []
        if !isASCII {
            var position = 0
            while position < bytes.count {
                starts.append(position)
                position = self.position(after: position)
            }
        }
        var result = MarkedText()
        result.isMarkup = isMarkup
        for index in 0..<count {
            let position = isASCII ? start + index * step : starts[start + index * step]
            result.append(self, position..<self.position(after: position))
        }
        return result
    }

    /// Builds a text from its code points; each replacement takes the marks of what it replaces.
    func mapScalars(_ replacement: (Unicode.Scalar, _ position: Int) -> String?) -> MarkedText {
        var result = MarkedText()
        var kept = 0
        var position = 0
        while position < bytes.count {
            let next = self.position(after: position)
            if let replacement = replacement(scalar(at: position), position) {
                result.append(self, kept..<position)
                result.append(replacement, marks: marks(at: position))
                kept = next
            }
            position = next
        }
        result.append(self, kept..<bytes.count)
        result.isMarkup = isMarkup
        return result
    }
}

extension Unicode.Scalar {
    /// Whether Python's `str.isspace` says so: the white space of Unicode and four separators of ASCII.
    var isPythonSpace: Bool {
        switch value {
        case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }

    /// Whether `str.splitlines` ends a line here.
    var isPythonLineBreak: Bool {
        switch value {
        case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029: true
        default: false
        }
    }

    /// Whether `repr` shows the code point as it is.
    var isPythonPrintable: Bool {
        if self == " " { return true }
        return switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
            .spaceSeparator:
            false
        default: true
        }
    }
}
