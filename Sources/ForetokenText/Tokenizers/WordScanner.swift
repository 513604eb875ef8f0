/// Each `endOf…Word` function implements one regular expression, with its alternatives in order.
struct WordScanner {
    let text: UnsafeBufferPointer<UInt8>
    let classes: UnsafeBufferPointer<CharacterClass>

    /// The class of the character at an offset, and the offset after it; nil at the end.
    @inline(__always)
    func step(_ at: Int) -> (kind: CharacterClass, next: Int)? {
        guard at < text.count else { return nil }
        if text[at] < 0x80 { return (classes[Int(text[at])], at + 1) }
        let step = CharacterStep(text, at: at)
        guard let value = step.scalar?.value else { return (.other, at + step.length) }
        let kind = value < 0x10000 ? classes[Int(value)] : CharacterClass(Unicode.Scalar(value) ?? " ")
        return (kind, at + step.length)
    }

    /// `'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
    func endOfGPT2Word(from start: Int) -> Int {
        guard let first = step(start) else { return start }
        if let end = endOfContraction(from: start, anyCase: false) { return end }
        if !first.kind.isSpace { return endOfRun(first.kind, from: first.next) }
        if first.kind == .blank, let second = step(first.next), !second.kind.isSpace {
            return endOfRun(second.kind, from: second.next)
        }
        return endOfSpaces(from: start, breaksEndWords: false)
    }

    /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
    func endOfLlama3Word(from start: Int, digits: Int) -> Int {
        guard let first = step(start) else { return start }
        if let end = endOfContraction(from: start, anyCase: true) { return end }
        let second = step(first.next)
        switch first.kind {
        case .letter: return endOfRun(.letter, from: first.next)
        case .number:
            var end = first.next
            var count = 1
            while count < digits, let next = step(end), next.kind == .number { (end, count) = (next.next, count + 1) }
            return end
        case .lineBreak: break
        case .blank, .space, .other:
            if let second, second.kind == .letter { return endOfRun(.letter, from: second.next) }
            if first.kind == .other {
                return endOfRun(.lineBreak, from: endOfRun(.other, from: first.next))
            }
            if first.kind == .blank, let second, second.kind == .other {
                return endOfRun(.lineBreak, from: endOfRun(.other, from: second.next))
            }
        }
        return endOfSpaces(from: start, breaksEndWords: true)
    }

    /// The end of a single digit, if there is one.
    @inline(__always)
    func endOfDigit(from start: Int) -> Int? {
        guard let first = step(start), isDigit(first.kind, start) else { return nil }
        return first.next
    }

    /// The start of the first digit, or the end of the text.
    @inline(__always)
    func startOfDigit(from start: Int) -> Int {
        var end = start
        while let next = step(end), !isDigit(next.kind, end) { end = next.next }
        return end
    }

    /// Whether Rust's `char::is_numeric` holds, by which Hugging Face's library splits digits off: `\p{N}` of Unicode 17, one version
    /// newer than that of its patterns.
    @inline(__always)
    private func isDigit(_ kind: CharacterClass, _ at: Int) -> Bool {
        if kind == .number { return true }
        guard kind == .other, text[at] == 0xF0, let scalar = CharacterStep(text, at: at).scalar else { return false }
        return (0x11DE0...0x11DE9).contains(scalar.value) || (0x16FF4...0x16FF6).contains(scalar.value)
    }

    @inline(__always)
    func endOfRun(_ kind: CharacterClass, from start: Int) -> Int {
        var end = start
        while let next = step(end), next.kind == kind { end = next.next }
        return end
    }

    /// `\s+(?!\S)|\s+`, preceded by `\s*[\r\n]+` if `breaksEndWords`: up to the last line break; otherwise all white space, except
    /// the last character of it before a non-space.
    func endOfSpaces(from start: Int, breaksEndWords: Bool) -> Int {
        var (end, last, afterBreak) = (start, start, start)
        while let next = step(end), next.kind.isSpace {
            if next.kind == .lineBreak { afterBreak = next.next }
            (last, end) = (end, next.next)
        }
        if breaksEndWords, afterBreak > start { return afterBreak }
        return end < text.count && last > start ? last : end
    }

    /// `'(?:[sdmt]|ll|ve|re)`; with `anyCase`, `s` also matches U+017F, the long s.
    func endOfContraction(from start: Int, anyCase: Bool) -> Int? {
        guard text[start] == UInt8(ascii: "'") else { return nil }
        func letter(_ offset: Int) -> UInt8 {
            guard start + offset < text.count else { return 0 }
            let byte = text[start + offset]
            return anyCase && (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
        }
        switch (letter(1), letter(2)) {
        case (UInt8(ascii: "s"), _), (UInt8(ascii: "d"), _), (UInt8(ascii: "m"), _), (UInt8(ascii: "t"), _):
            return start + 2
        case (UInt8(ascii: "l"), UInt8(ascii: "l")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
            (UInt8(ascii: "r"), UInt8(ascii: "e")):
            return start + 3
        case (0xC5, 0xBF) where anyCase: return start + 3
        default: return nil
        }
    }
}
