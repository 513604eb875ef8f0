import ForetokenFiles

/// A regular expression by which a pre-tokenizer splits text.
final class WordPattern: Sendable, Equatable {
    /// The expression as it is written.
    let text: String
    let program: PatternProgram

    /// - Throws: ``PatternError`` if the expression is not supported.
    init(_ text: String) throws(PatternError) {
        self.text = text
        program = try PatternProgram(PatternParser.parse(text))
    }

    /// A text that is matched as it is.
    init(literal: String) throws(PatternError) {
        guard !literal.isEmpty else { throw PatternError(reason: "an empty text") }
        text = literal
        program = try PatternProgram(.sequence(literal.unicodeScalars.map { .character(.character($0.value)) }))
    }

    /// One character of a set.
    init(_ rule: CharacterRule) { (text, program) = ("", PatternProgram(rule)) }

    static func == (left: WordPattern, right: WordPattern) -> Bool { left.text.hasEqualBytes(right.text) }

    /// Calls `body` with the matches in a text and what lies between them, in order, as Hugging Face's library finds them.
    func forEachPart(
        _ text: UnsafeBufferPointer<UInt8>, isMapped: Bool, _ body: (Range<Int>, _ isMatch: Bool) -> Void
    ) {
        var matcher = PatternMatcher(self, text, isMapped: isMapped)
        var (start, position) = (0, 0)
        var isAfterMatch = false
        while true {
            position = matcher.candidate(from: position)
            guard position < text.count else { break }
            // No empty match at the end of another.
            if let end = matcher.end(at: position), end > position || !isAfterMatch || position > start {
                if start < position { body(start..<position, false) }
                body(position..<end, true)
                start = end
                isAfterMatch = true
                if end > position {
                    position = end
                    continue
                }
            }
            position = matcher.step(position).next
        }
        if start < text.count { body(start..<text.count, false) }
    }
}
