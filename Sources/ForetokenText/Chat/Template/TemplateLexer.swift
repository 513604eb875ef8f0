import ForetokenFiles

/// Splits a template into tokens, with Jinja's rules for `trim_blocks`, `lstrip_blocks` and `-` and `+` in tags.
struct TemplateLexer {
    /// With line ends of one `\n` each, and without the last one.
    let source: [UInt8]
    private(set) var position = 0
    private(set) var tokens: [TemplateToken] = []

    /// The text before the next tag begins at the start of a line.
    private var lineStarts = true

    static func tokens(of source: [UInt8]) throws(TemplateFault) -> [TemplateToken] {
        var lexer = TemplateLexer(source: source)
        try lexer.run()
        return lexer.tokens
    }

    /// The template as Jinja sees it: `\r\n` and `\r` are `\n`, and one at the end is dropped.
    static func normalized(_ template: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(template.count)
        for (index, byte) in template.enumerated() {
            if byte == 0x0A, index > 0, template[index - 1] == 0x0D { continue }
            result.append(byte == 0x0D ? 0x0A : byte)
        }
        if result.last == 0x0A { result.removeLast() }
        return result
    }

    private init(source: [UInt8]) {
        self.source = source
    }

    mutating func advance(to position: Int) { self.position = position }

    // MARK: Text

    private func has(_ text: StaticString, at position: Int) -> Bool {
        text.withUTF8Buffer { text in
            guard position + text.count <= source.count else { return false }
            for (offset, byte) in text.enumerated() where source[position + offset] != byte { return false }
            return true
        }
    }

    private mutating func run() throws(TemplateFault) {
        while position < source.count {
            let start = position
            var tag = position
            while tag < source.count {
                if source[tag] == UInt8(ascii: "{"), tag + 1 < source.count {
                    let next = source[tag + 1]
                    if next == UInt8(ascii: "{") || next == UInt8(ascii: "%") || next == UInt8(ascii: "#") { break }
                }
                tag += 1
            }
            guard tag < source.count else {
                add(data: start..<source.count)
                position = source.count
                break
            }
            let kind = source[tag + 1]
            let control = tag + 2 < source.count ? source[tag + 2] : 0
            let hasControl = control == UInt8(ascii: "-") || control == UInt8(ascii: "+")
            add(data: start..<end(ofData: start..<tag, control: hasControl ? control : 0, kind))
            position = tag + 2 + (hasControl ? 1 : 0)
            switch kind {
            case UInt8(ascii: "#"): try skipComment(from: tag)
            case UInt8(ascii: "{"): try lexTag(.variableBegin, from: tag)
            default:
                if let body = rawBody(after: position) {
                    try lexRaw(from: tag, body: body)
                } else {
                    try lexTag(.blockBegin, from: tag)
                }
            }
            lineStarts = source[position - 1] == 0x0A
        }
        tokens.append(TemplateToken(kind: .end, offset: source.count))
    }

    private mutating func add(data range: Range<Int>) {
        guard !range.isEmpty else { return }
        tokens.append(TemplateToken(kind: .data(Array(source[range])), offset: range.lowerBound))
    }

    /// Where the text before a tag ends, after `-` and `lstrip_blocks`.
    private func end(ofData range: Range<Int>, control: UInt8, _ kind: UInt8) -> Int {
        if control == UInt8(ascii: "-") {
            var end = range.upperBound
            while end > range.lowerBound {
                var previous = end - 1
                while previous > range.lowerBound, source[previous] & 0xC0 == 0x80 { previous -= 1 }
                guard spaceLength(at: previous) > 0 else { break }
                end = previous
            }
            return end
        }
        guard control != UInt8(ascii: "+"), kind != UInt8(ascii: "{") else { return range.upperBound }
        let newline = source[range].lastIndex(of: 0x0A)
        guard newline != nil || lineStarts else { return range.upperBound }
        let line = newline.map { $0 + 1 } ?? range.lowerBound
        return skipSpace(from: line, to: range.upperBound) == range.upperBound ? line : range.upperBound
    }

    /// The bytes of the white space at a position; zero if there is none.
    private func spaceLength(at position: Int) -> Int {
        guard position < source.count else { return 0 }
        let byte = source[position]
        if byte < 0x80 { return (0x09...0x0D).contains(byte) || (0x1C...0x20).contains(byte) ? 1 : 0 }
        let length = byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
        guard byte < 0xF0, position + length <= source.count else { return 0 }
        let scalar = String(decoding: source[position..<position + length], as: UTF8.self).unicodeScalars.first
        return scalar?.isPythonSpace == true ? length : 0
    }

    private func skipSpace(from start: Int, to end: Int) -> Int {
        var position = start
        while position < end {
            let length = spaceLength(at: position)
            if length == 0 { break }
            position += length
        }
        return min(position, end)
    }

    /// Passes the end of a tag, with what it removes of the text behind; `close` has two characters.
    private mutating func skipClose(_ close: StaticString, trims: Bool) -> Bool {
        let minus = source[position] == UInt8(ascii: "-")
        let plus = trims && source[position] == UInt8(ascii: "+")
        let start = position + (minus || plus ? 1 : 0)
        guard has(close, at: start) else { return false }
        position = start + 2
        if minus {
            position = skipSpace(from: position, to: source.count)
        } else if trims, !plus, position < source.count, source[position] == 0x0A {
            position += 1
        }
        return true
    }

    private mutating func skipComment(from tag: Int) throws(TemplateFault) {
        // Jinja takes a comment that begins at the very end.
        if position == source.count { return }
        while position < source.count {
            if skipClose("#}", trims: true) { return }
            position += 1
        }
        throw .syntax("a comment is not closed", at: tag)
    }

    // MARK: Raw blocks

    /// The position after `raw %}`, if that follows.
    private func rawBody(after start: Int) -> Int? {
        var position = skipSpace(from: start, to: source.count)
        guard has("raw", at: position) else { return nil }
        position = skipSpace(from: position + 3, to: source.count)
        if has("-%}", at: position) { return skipSpace(from: position + 3, to: source.count) }
        return has("%}", at: position) ? position + 2 : nil
    }

    private mutating func lexRaw(from tag: Int, body: Int) throws(TemplateFault) {
        lineStarts = source[body - 1] == 0x0A
        var end = body
        while end + 1 < source.count {
            if has("{%", at: end) {
                let control = end + 2 < source.count ? source[end + 2] : 0
                let hasControl = control == UInt8(ascii: "-") || control == UInt8(ascii: "+")
                var name = skipSpace(from: end + 2 + (hasControl ? 1 : 0), to: source.count)
                if has("endraw", at: name) {
                    name = skipSpace(from: name + 6, to: source.count)
                    let before = position
                    position = name
                    if name < source.count, skipClose("%}", trims: true) {
                        add(data: body..<self.end(ofData: body..<end, control: hasControl ? control : 0, 0))
                        return
                    }
                    position = before
                }
            }
            end += 1
        }
        throw .syntax("a raw block is not closed", at: tag)
    }

    // MARK: Tags

    private mutating func lexTag(_ begin: TemplateToken.Kind, from tag: Int) throws(TemplateFault) {
        tokens.append(TemplateToken(kind: begin, offset: tag))
        let isBlock = begin == .blockBegin
        var brackets: [UInt8] = []
        while true {
            position = skipSpace(from: position, to: source.count)
            guard position < source.count else { throw .syntax("a tag is not closed", at: tag) }
            let start = position
            if brackets.isEmpty, isBlock ? skipClose("%}", trims: true) : skipClose("}}", trims: false) {
                tokens.append(TemplateToken(kind: isBlock ? .blockEnd : .variableEnd, offset: start))
                return
            }
            let byte = source[position]
            let kind: TemplateToken.Kind
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): kind = try lexNumber()
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"):
                kind = try lexName()
            case UInt8(ascii: "'"), UInt8(ascii: "\""): kind = .string(try lexString(quote: byte))
            case 0x80...: throw .unsupported("a name with other letters than ASCII's", at: position)
            default: kind = try lexSymbol(&brackets)
            }
            tokens.append(TemplateToken(kind: kind, offset: start))
        }
    }

    private mutating func lexName() throws(TemplateFault) -> TemplateToken.Kind {
        let start = position
        while position < source.count, isNameByte(source[position]) { position += 1 }
        guard position == source.count || source[position] < 0x80 || spaceLength(at: position) > 0 else {
            throw .unsupported("a name with other letters than ASCII's", at: start)
        }
        guard position - start <= 200 else { throw .unsupported("a name of more than 200 letters", at: start) }
        return .name(String(decoding: source[start..<position], as: UTF8.self))
    }

    private mutating func lexSymbol(_ brackets: inout [UInt8]) throws(TemplateFault) -> TemplateToken.Kind {
        for symbol: StaticString in ["//", "**", "==", "!=", ">=", "<="] where has(symbol, at: position) {
            position += 2
            return .symbol("\(symbol)")
        }
        let byte = source[position]
        switch byte {
        case UInt8(ascii: "("): brackets.append(UInt8(ascii: ")"))
        case UInt8(ascii: "["): brackets.append(UInt8(ascii: "]"))
        case UInt8(ascii: "{"): brackets.append(UInt8(ascii: "}"))
        case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"):
            guard brackets.popLast() == byte else {
                throw .syntax("unexpected '\(Unicode.Scalar(byte))'", at: position)
            }
        default:
            guard "+-/*%~><=.:|,;".utf8.contains(byte) else {
                let shown = String(Unicode.Scalar(byte)).quotedForMessage()
                throw .syntax("unexpected character \(shown)", at: position)
            }
        }
        position += 1
        return .symbol(String(Unicode.Scalar(byte)))
    }
}
