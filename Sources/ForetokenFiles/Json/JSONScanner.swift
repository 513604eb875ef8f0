/// A strict, forward-only reader of JSON tokens (RFC 8259) over bytes it does not own.
///
/// Callers pull the tokens they expect and build their own values, so that a safetensors header of a hundred thousand entries
/// never becomes a tree. The bytes are not trusted: every index is checked, nesting is limited, strings are validated as UTF-8,
/// and numbers that do not fit are rejected. The bytes must outlive the scanner.
package struct JSONScanner {
    /// Default nesting limit: far more than any configuration file needs, and safe for the stack.
    package static let defaultDepthLimit = 64

    /// Maximum number of characters of a number; the longest shortest-form double has 24.
    package static let numberLengthLimit = 1024

    private let bytes: UnsafeRawBufferPointer
    private let depthLimit: Int
    private var depth = 0

    /// Whether a lone surrogate, which Python and JavaScript write and UTF-8 cannot represent, becomes U+FFFD.
    package var replacesLoneSurrogates = false
    /// Whether a lone surrogate was replaced.
    package private(set) var hasLoneSurrogates = false

    /// Which numbers are read.
    package var numbers = JSONNumbers.strict

    /// The offset of the next byte to read.
    package private(set) var position = 0

    package init(_ bytes: UnsafeRawBufferPointer, depthLimit: Int = JSONScanner.defaultDepthLimit) {
        self.bytes = bytes
        self.depthLimit = depthLimit
    }

    // MARK: Structure

    /// The first byte of the next token, or nil at the end.
    package mutating func peek() -> UInt8? {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            case let byte: return byte
            }
        }
        return nil
    }

    /// Steps into an object; read it with ``nextKey(first:)``.
    package mutating func beginObject() throws(JSONFault) {
        try begin(UInt8(ascii: "{"), "an object")
    }

    /// The next key of the current object with its colon consumed, or nil after its closing brace.
    package mutating func nextKey(first: inout Bool) throws(JSONFault) -> String? {
        guard try hasNext(until: UInt8(ascii: "}"), "'}'", first: &first) else { return nil }
        guard peek() == UInt8(ascii: "\"") else { throw expected("a key in double quotes") }
        let key = try string()
        guard peek() == UInt8(ascii: ":") else { throw expected("':' after a key") }
        position += 1
        return key
    }

    /// Steps into an array; read it with ``nextElement(first:)``.
    package mutating func beginArray() throws(JSONFault) {
        try begin(UInt8(ascii: "["), "an array")
    }

    /// Whether the current array has another element, which is then next; otherwise consumes the closing bracket.
    package mutating func nextElement(first: inout Bool) throws(JSONFault) -> Bool {
        try hasNext(until: UInt8(ascii: "]"), "']'", first: &first)
    }

    /// Throws unless only white space remains.
    package mutating func finish() throws(JSONFault) {
        guard peek() == nil else { throw expected("the end of the text") }
    }

    private mutating func begin(_ bracket: UInt8, _ name: String) throws(JSONFault) {
        guard peek() == bracket else { throw expected(name) }
        guard depth < depthLimit else { throw fault(.tooDeep(limit: depthLimit)) }
        depth += 1
        position += 1
    }

    private mutating func hasNext(
        until bracket: UInt8, _ name: String, first: inout Bool
    ) throws(JSONFault) -> Bool {
        let byte = peek()
        if byte == bracket {
            position += 1
            depth -= 1
            return false
        }
        if first {
            first = false
            return true
        }
        guard byte == UInt8(ascii: ",") else { throw expected("',' or \(name)") }
        position += 1
        return true
    }

    // MARK: Scalars

    /// Reads the given word: `true`, `false` or `null`.
    package mutating func literal(_ word: StaticString) throws(JSONFault) {
        let end = position + word.utf8CodeUnitCount
        var matches = end <= bytes.count
        if matches {
            for index in 0..<word.utf8CodeUnitCount where bytes[position + index] != word.utf8Start[index] {
                matches = false
            }
        }
        guard matches else { throw expected("a value") }
        position = end
    }

    /// Reads a string in double quotes.
    package mutating func string() throws(JSONFault) -> String {
        guard peek() == UInt8(ascii: "\"") else { throw expected("a string") }
        let start = position + 1
        var index = start
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                position = index + 1
                return try text(start..<index)
            case UInt8(ascii: "\\"):
                return try escapedString(from: start, firstEscape: index)
            case 0..<0x20:
                throw JSONFault(offset: index, problem: .controlCharacter(bytes[index]))
            default:
                index += 1
            }
        }
        throw fault(.unterminatedString)
    }

    /// Reads a non-negative integer, such as a size or offset. A sign, fraction or exponent is an error.
    package mutating func size() throws(JSONFault) -> Int {
        guard let byte = peek(), isDigit(byte) else { throw expected("an integer of zero or more") }
        let start = position
        guard case .integer(let value) = try number() else {
            let found = String(decoding: bytes[start..<position], as: UTF8.self)
            // Digits alone that are not an Int are out of range.
            let problem: JSONProblem =
                bytes[start..<position].allSatisfy(isDigit)
                ? .numberOutOfRange(found) : .expected("an integer of zero or more", found: found)
            throw JSONFault(offset: start, problem: problem)
        }
        return value
    }

    /// Reads a number: an integer where it is written as one and fits 64 bits, else a double, which is finite unless
    /// ``numbers`` allows others.
    package mutating func number() throws(JSONFault) -> JSONValue {
        if numbers == .python, let value = nonFiniteWord() { return .number(value) }
        let start = position
        var index = start
        func digits() -> Bool {
            let first = index
            while index < bytes.count, isDigit(bytes[index]) { index += 1 }
            return index > first
        }
        func at(_ characters: StaticString) -> Bool {
            guard index < bytes.count else { return false }
            return (0..<characters.utf8CodeUnitCount).contains { bytes[index] == characters.utf8Start[$0] }
        }

        if at("-") { index += 1 }
        let firstDigit = index
        guard digits() else { throw fault(at: index, expecting: "a digit") }
        if bytes[firstDigit] == UInt8(ascii: "0"), index > firstDigit + 1 {
            throw JSONFault(offset: firstDigit, problem: .expected("a number", found: "one with a leading zero"))
        }
        var isInteger = true
        if at(".") {
            isInteger = false
            index += 1
            guard digits() else { throw fault(at: index, expecting: "a digit") }
        }
        if at("eE") {
            isInteger = false
            index += 1
            if at("+-") { index += 1 }
            guard digits() else { throw fault(at: index, expecting: "a digit") }
        }
        guard index - start <= Self.numberLengthLimit || numbers == .python else {
            throw fault(.numberTooLong(limit: Self.numberLengthLimit))
        }
        position = index
        let literal = String(decoding: bytes[start..<index], as: UTF8.self)
        // '-0' stays a double, which keeps its sign.
        if isInteger, literal != "-0", let value = Int(literal) {
            return .integer(value)
        }
        guard let value = Double(literal), value.isFinite || numbers == .python else {
            throw JSONFault(offset: start, problem: .numberOutOfRange(literal))
        }
        return .number(value)
    }

    /// Reads one of the words that Python's `json` writes for doubles that are not finite, if it comes next.
    private mutating func nonFiniteWord() -> Double? {
        let words: [(StaticString, Double)] = [("NaN", .nan), ("Infinity", .infinity), ("-Infinity", -.infinity)]
        for (word, value) in words where (try? literal(word)) != nil { return value }
        return nil
    }

    // MARK: Strings with escapes

    /// Reads a string in double quotes as UTF-8 bytes; faster for long strings with many escapes.
    package mutating func utf8String() throws(JSONFault) -> [UInt8] {
        guard peek() == UInt8(ascii: "\"") else { throw expected("a string") }
        let start = position + 1
        var index = start
        var result: [UInt8] = []
        while index < bytes.count {
            let runStart = index
            while index < bytes.count, bytes[index] != UInt8(ascii: "\""), bytes[index] != UInt8(ascii: "\\"),
                bytes[index] >= 0x20
            {
                index += 1
            }
            result.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[runStart..<index]))
            guard index < bytes.count else { break }
            switch bytes[index] {
            case UInt8(ascii: "\""):
                position = index + 1
                guard (try? UTF8Span(validating: result.span)) != nil else {
                    throw JSONFault(offset: start, problem: .notUTF8)
                }
                return result
            case UInt8(ascii: "\\"): result.append(contentsOf: UTF8.encode(try escape(at: &index)) ?? .init())
            case let byte: throw JSONFault(offset: index, problem: .controlCharacter(byte))
            }
        }
        throw fault(.unterminatedString)
    }

    private mutating func escapedString(from start: Int, firstEscape: Int) throws(JSONFault) -> String {
        var result = try text(start..<firstEscape)
        var index = firstEscape
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                position = index + 1
                return result
            case UInt8(ascii: "\\"):
                result.unicodeScalars.append(try escape(at: &index))
            case 0..<0x20:
                throw JSONFault(offset: index, problem: .controlCharacter(bytes[index]))
            default:
                let runStart = index
                while index < bytes.count, bytes[index] != UInt8(ascii: "\""), bytes[index] != UInt8(ascii: "\\"),
                    bytes[index] >= 0x20
                {
                    index += 1
                }
                result += try text(runStart..<index)
            }
        }
        throw fault(.unterminatedString)
    }

    private mutating func escape(at index: inout Int) throws(JSONFault) -> Unicode.Scalar {
        let start = index
        guard index + 1 < bytes.count else { throw fault(.unterminatedString) }
        index += 2
        switch bytes[start + 1] {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): break
        default: throw JSONFault(offset: start, problem: .invalidEscape)
        }
        let high = try hexadecimal(at: &index, escape: start)
        if let scalar = Unicode.Scalar(high) { return scalar }
        if high < 0xDC00, index + 1 < bytes.count, bytes[index] == UInt8(ascii: "\\"),
            bytes[index + 1] == UInt8(ascii: "u")
        {
            var end = index + 2
            let low = try hexadecimal(at: &end, escape: start)
            if (0xDC00...0xDFFF).contains(low),
                let scalar = Unicode.Scalar(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
            {
                index = end
                return scalar
            }
        }
        guard replacesLoneSurrogates else { throw JSONFault(offset: start, problem: .loneSurrogate) }
        hasLoneSurrogates = true
        return "\u{FFFD}"
    }

    private func hexadecimal(at index: inout Int, escape: Int) throws(JSONFault) -> UInt32 {
        guard index + 4 <= bytes.count else { throw JSONFault(offset: escape, problem: .invalidEscape) }
        var value: UInt32 = 0
        for _ in 0..<4 {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt32(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt32(byte - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = value << 4 | UInt32(byte - UInt8(ascii: "A") + 10)
            default: throw JSONFault(offset: escape, problem: .invalidEscape)
            }
            index += 1
        }
        return value
    }

    /// The bytes as a string; throws if they are not UTF-8.
    private func text(_ range: Range<Int>) throws(JSONFault) -> String {
        guard let text = String(validating: UnsafeRawBufferPointer(rebasing: bytes[range]), as: UTF8.self) else {
            throw JSONFault(offset: range.lowerBound, problem: .notUTF8)
        }
        return text
    }

    // MARK: Faults

    /// A problem at the current byte.
    package func fault(_ problem: JSONProblem) -> JSONFault {
        JSONFault(offset: position, problem: problem)
    }

    /// The fault for a next token other than the caller expects.
    package mutating func expected(_ what: String) -> JSONFault {
        _ = peek()
        return fault(at: position, expecting: what)
    }

    private func fault(at index: Int, expecting what: String) -> JSONFault {
        JSONFault(offset: index, problem: .expected(what, found: describe(index)))
    }

    private func describe(_ index: Int) -> String {
        guard index < bytes.count else { return "the end of the text" }
        switch bytes[index] {
        case UInt8(ascii: "\""): return "a string"
        case 0x21..<0x7F: return "'\(Unicode.Scalar(bytes[index]))'"
        case let byte: return "the byte 0x\(String(byte, radix: 16))"
        }
    }

    private func isDigit(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }
}
