/// Classes that some patterns distinguish among letters and other characters.
enum LetterClass: UInt8 {
    /// `[\p{Lu}\p{Lt}]`
    case upper
    /// `\p{Ll}`
    case lower
    /// `[\p{Lm}\p{Lo}]`
    case caseless
    /// `\p{M}`
    case mark
    /// `\p{P}`
    case punctuation
    /// `\p{S}`
    case symbol
    /// Every other character.
    case none

    /// The class of a character.
    init(_ scalar: Unicode.Scalar) {
        guard let age = scalar.properties.age, age <= CharacterClass.unicodeVersion else {
            self = .none
            return
        }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .titlecaseLetter: self = .upper
        case .lowercaseLetter: self = .lower
        case .modifierLetter, .otherLetter: self = .caseless
        case .nonspacingMark, .spacingMark, .enclosingMark: self = .mark
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation:
            self = .punctuation
        case .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol: self = .symbol
        default: self = .none
        }
    }

    /// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`
    var canLead: Bool { self == .upper || self == .caseless || self == .mark }
    /// `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
    var canFollow: Bool { self == .lower || self == .caseless || self == .mark }

    /// `\p{L}`
    var isLetter: Bool { self == .upper || self == .lower || self == .caseless }
    /// `[\p{L}\p{M}]`
    var isWord: Bool { isLetter || self == .mark }

    /// The classes of the Basic Multilingual Plane, precomputed because looking up Unicode properties is slow.
    static let basicPlane: [LetterClass] = (0...0xFFFF).map { Unicode.Scalar($0 as UInt32).map(Self.init) ?? .none }
}

extension WordScanner {
    /// The letter class of the character at an offset, and the offset after it; nil at the end.
    func letterStep(_ at: Int) -> (kind: LetterClass, next: Int)? {
        guard at < text.count else { return nil }
        let step = CharacterStep(text, at: at)
        guard let scalar = step.scalar else { return (.none, at + step.length) }
        let kind = scalar.value < 0x10000 ? LetterClass.basicPlane[Int(scalar.value)] : LetterClass(scalar)
        return (kind, at + step.length)
    }

    private func endOfRun(from start: Int, while isIn: (LetterClass) -> Bool) -> Int {
        var end = start
        while let next = letterStep(end), isIn(next.kind) { end = next.next }
        return end
    }

    /// `[^\r\n\p{L}\p{N}]?U*L+C?|[^\r\n\p{L}\p{N}]?U+L*C?|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+` with U for
    /// ``LetterClass/canLead``, L for ``LetterClass/canFollow`` and C for contractions.
    func endOfCasedWord(from start: Int, digits: Int, contractions: Bool) -> Int {
        guard let first = step(start) else { return start }
        let isPrefix = first.kind == .blank || first.kind == .space || first.kind == .other
        let starts = isPrefix ? [first.next, start] : [start]
        if let end = starts.lazy.compactMap(endOfLeadAndFollow).first ?? starts.lazy.compactMap(endOfLead).first {
            return contractions ? (end < text.count ? endOfContraction(from: end, anyCase: true) : nil) ?? end : end
        }
        switch first.kind {
        case .number: return endOfDigits(from: first.next, count: digits - 1)
        case .other: return endOfOthers(from: first.next)
        case .blank:
            if let second = step(first.next), second.kind == .other { return endOfOthers(from: second.next) }
        case .letter, .lineBreak, .space: break
        }
        return endOfSpaces(from: start, breaksEndWords: true)
    }

    /// `U*L+`
    private func endOfLeadAndFollow(from start: Int) -> Int? {
        var (end, afterFollow) = (start, nil as Int?)
        while let next = letterStep(end), next.kind.canLead {
            end = next.next
            if next.kind.canFollow { afterFollow = end }
        }
        if let next = letterStep(end), next.kind.canFollow { return endOfRun(from: next.next, while: \.canFollow) }
        // Gives back capital letters, until the last character that may also follow.
        return afterFollow
    }

    /// `U+L*` where `U*L+` does not match: no L follows.
    private func endOfLead(from start: Int) -> Int? {
        let end = endOfRun(from: start, while: \.canLead)
        return end > start ? end : nil
    }

    private func endOfDigits(from start: Int, count: Int) -> Int {
        var (end, count) = (start, count)
        while count > 0, let next = step(end), next.kind == .number { (end, count) = (next.next, count - 1) }
        return end
    }

    /// The rest of `[^\s\p{L}\p{N}]+[\r\n/]*`
    private func endOfOthers(from start: Int) -> Int {
        var end = endOfRun(.other, from: start)
        while end < text.count, [0x0D, 0x0A, UInt8(ascii: "/")].contains(text[end]) { end += 1 }
        return end
    }

    /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
    func endOfMarkedWord(from start: Int) -> Int {
        guard let first = step(start) else { return start }
        if let end = endOfContraction(from: start, anyCase: true) { return end }
        switch first.kind {
        case .letter: return endOfRun(from: start, while: \.isWord)
        case .number: return first.next
        case .lineBreak: break
        case .blank, .space, .other:
            let end = endOfRun(from: first.next, while: \.isWord)
            if end > first.next || letterStep(start)?.kind == .mark { return end }
            if first.kind == .other { return endOfUnmarked(from: first.next) }
            if first.kind == .blank, let second = step(first.next), second.kind == .other {
                return endOfUnmarked(from: second.next)
            }
        }
        return endOfSpaces(from: start, breaksEndWords: true)
    }

    /// The rest of `[^\s\p{L}\p{M}\p{N}]+[\r\n]*`
    private func endOfUnmarked(from start: Int) -> Int {
        var end = start
        while let next = step(end), next.kind == .other, letterStep(end)?.kind != .mark { end = next.next }
        return endOfRun(.lineBreak, from: end)
    }
}
