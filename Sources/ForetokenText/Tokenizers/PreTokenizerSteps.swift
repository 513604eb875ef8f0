import ForetokenFiles

/// The steps of a pre-tokenizer: each splits the words of the former.
public struct PreTokenizerSteps: Sendable, Equatable {
    /// How a step finds what it splits off.
    enum Rule: Sendable, Equatable {
        case pattern(WordPattern)
        /// A text that is matched as it is.
        case literal(WordPattern)
        /// Digits, in Rust's sense.
        case digits
        /// Punctuation, in that of the library's `Punctuation`.
        case punctuation
        /// GPT-2's pattern.
        case gpt2

        /// Calls `body` with the matches in a text and with what lies between them.
        func forEachPart(
            _ text: UnsafeBufferPointer<UInt8>, isMapped: Bool, _ body: (Range<Int>, _ isMatch: Bool) -> Void
        ) {
            switch self {
            case .pattern(let pattern), .literal(let pattern): pattern.forEachPart(text, isMapped: isMapped, body)
            case .digits: Self.digitPattern.forEachPart(text, isMapped: isMapped, body)
            case .punctuation: Self.punctuationPattern.forEachPart(text, isMapped: isMapped, body)
            case .gpt2: PreTokenizer.gpt2.forEachWord(text) { body($0, true) }
            }
        }

        private static let digitPattern = WordPattern(.numeric)
        private static let punctuationPattern = WordPattern(.punctuation)
    }

    /// What becomes of the matches.
    enum Behavior: String, Sendable {
        case isolated = "Isolated"
        case contiguous = "Contiguous"
        case mergedWithPrevious = "MergedWithPrevious"
        case mergedWithNext = "MergedWithNext"
    }

    struct Step: Sendable, Equatable {
        let rule: Rule
        var behavior = Behavior.isolated
        /// Whether what lies between the matches counts as the matches.
        var isInverted = false
    }

    /// The steps before the text is written in ``ByteAlphabet``, and those after, which see its characters.
    var before: [Step]
    var after: [Step] = []
    /// Whether a space is put before a text that does not begin with one.
    var prefixesSpace = false

    /// Calls `body` with the words of a text.
    func forEachWord(_ text: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>) -> Void) {
        split(text, 0..<text.count, 0, body)
    }

    private func split(
        _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ number: Int, _ body: (Range<Int>) -> Void
    ) {
        guard number < before.count + after.count else { return body(range) }
        let isMapped = number >= before.count
        let offset = range.lowerBound
        (isMapped ? after[number - before.count] : before[number]).forEachPart(
            UnsafeBufferPointer(rebasing: text[range]), isMapped: isMapped
        ) { part in
            split(text, (offset + part.lowerBound)..<(offset + part.upperBound), number + 1, body)
        }
    }
}

extension PreTokenizerSteps.Step {
    /// Calls `body` with the parts of a text, without empty ones.
    func forEachPart(_ text: UnsafeBufferPointer<UInt8>, isMapped: Bool, _ body: (Range<Int>) -> Void) {
        if behavior == .isolated {
            return rule.forEachPart(text, isMapped: isMapped) { part, _ in if !part.isEmpty { body(part) } }
        }
        var (start, wasMatch) = (0, false)
        func end(_ position: Int) {
            if position > start { body(start..<position) }
            start = position
        }
        rule.forEachPart(text, isMapped: isMapped) { part, found in
            let isMatch = found != isInverted
            switch behavior {
            case .isolated: break
            case .contiguous: if isMatch != wasMatch { end(part.lowerBound) }
            case .mergedWithPrevious: if !isMatch || wasMatch { end(part.lowerBound) }
            case .mergedWithNext: if isMatch || !wasMatch { end(part.lowerBound) }
            }
            wasMatch = isMatch
        }
        end(text.count)
    }
}
