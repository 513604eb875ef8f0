extension PreTokenizer {
    /// The expressions of the families that split a text several times: each cuts its matches out of the pieces of the former, and what
    /// lies between two matches is a piece too.
    var splits: [String] {
        switch self {
        case .deepseek3:
            [
                #"\p{N}{1,3}"#, "[一-龥\u{3040}-ゟ゠-ヿ]+",
                ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^"## + "\r\n"
                    + #"\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+["# + "\r\n" + #"]*|\s*["# + "\r\n"
                    + #"]+|\s+(?!\S)|\s+"#,
            ]
        case .deepseekcoder: ["[\r\n]", #"\s?\p{L}+"#, #"\s?\p{P}+"#, "[一-龥\u{800}-一가-\u{D7FF}]+"]
        default: []
        }
    }

    /// Calls `body` with the words of a text.
    func forEachSplit(
        _ text: UnsafeBufferPointer<UInt8>, _ classes: UnsafeBufferPointer<CharacterClass>, _ body: (Range<Int>) -> Void
    ) {
        let whole = SplitScanner(text: text, classes: classes)
        let range = 0..<text.count
        if self == .deepseek3 {
            whole.isolate(range, { $0.endOfDigits($1, count: 3) }) { piece, isMatch in
                // No other expression matches in digits alone.
                if isMatch { return body(piece) }
                whole.isolate(piece, { $0.endOfRun($1, while: SplitScanner.isHanOrKana) }) { piece, _ in
                    whole.isolate(piece, { $0.endOfDeepSeek3Word($1) }) { piece, _ in body(piece) }
                }
            }
        } else {
            whole.isolate(range, { $0.endOfLineBreak($1) }) { piece, isMatch in
                if isMatch { return body(piece) }
                whole.isolate(piece, { $0.endOfSpacedRun($1, of: \.isLetter) }) { piece, _ in
                    whole.isolate(piece, { $0.endOfSpacedRun($1, of: { $0 == .punctuation }) }) { piece, _ in
                        whole.isolate(piece, { $0.endOfRun($1, while: SplitScanner.isEastern) }) { piece, _ in
                            whole.isolate(piece, { $0.scanner.endOfDigit(from: $1) }) { piece, _ in body(piece) }
                        }
                    }
                }
            }
        }
    }
}

/// Matches expressions at places of a text, up to the end of a piece.
private struct SplitScanner {
    let text: UnsafeBufferPointer<UInt8>
    let scanner: WordScanner

    init(text: UnsafeBufferPointer<UInt8>, classes: UnsafeBufferPointer<CharacterClass>) {
        self.text = text
        scanner = WordScanner(text: text, classes: classes)
    }

    /// Calls `body` with each match in a piece and with what lies between two matches; `match` returns the end of a match at a place.
    func isolate(
        _ piece: Range<Int>, _ match: (SplitScanner, Int) -> Int?, _ body: (Range<Int>, _ isMatch: Bool) -> Void
    ) {
        let end = piece.upperBound
        let part = SplitScanner(text: UnsafeBufferPointer(rebasing: text[..<end]), classes: scanner.classes)
        var (start, position) = (piece.lowerBound, piece.lowerBound)
        while position < end {
            if let after = match(part, position) {
                if start < position { body(start..<position, false) }
                body(position..<after, true)
                (start, position) = (after, after)
            } else {
                position += CharacterStep(part.text, at: position).length
            }
        }
        if start < end { body(start..<end, false) }
    }

    func endOfLineBreak(_ start: Int) -> Int? { text[start] == 0x0D || text[start] == 0x0A ? start + 1 : nil }

    /// `\p{N}{1,count}`
    func endOfDigits(_ start: Int, count: Int) -> Int? {
        var (end, found) = (start, 0)
        while found < count, let next = scanner.step(end), next.kind == .number {
            (end, found) = (next.next, found + 1)
        }
        return found > 0 ? end : nil
    }

    /// A run of characters, at least one.
    func endOfRun(_ start: Int, while isIn: (UInt32) -> Bool) -> Int? {
        var end = start
        while end < text.count {
            let step = CharacterStep(text, at: end)
            guard let scalar = step.scalar, isIn(scalar.value) else { break }
            end += step.length
        }
        return end > start ? end : nil
    }

    /// `[一-龥぀-ゟ゠-ヿ]`
    static func isHanOrKana(_ value: UInt32) -> Bool {
        (0x4E00...0x9FA5).contains(value) || (0x3040...0x30FF).contains(value)
    }

    /// `[一-龥ࠀ-一가-퟿]`
    static func isEastern(_ value: UInt32) -> Bool {
        (0x800...0x9FA5).contains(value) || (0xAC00...0xD7FF).contains(value)
    }

    private func endOfClass(_ start: Int, _ isIn: (LetterClass) -> Bool) -> Int {
        var end = start
        while let next = scanner.letterStep(end), isIn(next.kind) { end = next.next }
        return end
    }

    /// `\s?` and a run of at least one character.
    func endOfSpacedRun(_ start: Int, of isIn: (LetterClass) -> Bool) -> Int? {
        guard let first = scanner.step(start) else { return nil }
        let begin = first.kind.isSpace ? first.next : start
        let end = endOfClass(begin, isIn)
        return end > begin ? end : nil
    }

    /// The third expression of DeepSeek-V3; nil where none of its alternatives matches.
    func endOfDeepSeek3Word(_ start: Int) -> Int? {
        guard let first = scanner.step(start), let kind = scanner.letterStep(start)?.kind else { return nil }
        let (byte, next) = (text[start], first.next)
        func isASCIILetter(_ at: Int) -> Bool { at < text.count && (0x61...0x7A).contains(text[at] | 0x20) }
        if byte > 0x20, byte < 0x7F, kind == .punctuation || kind == .symbol, isASCIILetter(next) {
            var end = next
            while isASCIILetter(end) { end += 1 }
            return end
        }
        if kind.isWord { return endOfClass(start, \.isWord) }
        if kind == .none, first.kind != .lineBreak {
            let end = endOfClass(next, \.isWord)
            if end > next { return end }
        }
        func isMark(_ kind: LetterClass) -> Bool { kind == .punctuation || kind == .symbol }
        let begin = first.kind == .blank ? next : start
        let end = endOfClass(begin, isMark)
        if end > begin { return scanner.endOfRun(.lineBreak, from: end) }
        return first.kind.isSpace ? scanner.endOfSpaces(from: start, breaksEndWords: true) : nil
    }
}
