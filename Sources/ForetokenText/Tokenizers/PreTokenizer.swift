/// Splits text into words before merging, with hand-written matchers for the regular expressions of known model families.
///
/// Every byte belongs to exactly one word.
public enum PreTokenizer: String, Sendable, CaseIterable {
    /// No splitting: the text is one word.
    case none
    /// GPT-2's pattern.
    case gpt2
    /// Llama 3's pattern: contractions in any case, digits in groups of up to three.
    case llama3
    /// The pattern of Qwen 2 and 3: as Llama 3's, but with single digits.
    case qwen2
    /// SmolLM's and StarCoder's rule: every digit is a word, and GPT-2's pattern splits the text between digits.
    case smollm
    /// The pattern of GPT-4o (o200k) and Llama 4: a capital letter begins a word, combining marks belong to letters.
    case o200k
    /// Mistral's Tekken pattern: as o200k's, but with single digits and without contractions.
    case tekken
    /// The pattern of Qwen 3.5: as Qwen 2's, but combining marks belong to letters.
    case qwen35
    /// The three splits of DeepSeek-V3 and R1.
    case deepseek3
    /// The splits of DeepSeek-Coder.
    case deepseekcoder

    /// The equivalent regular expressions, the most common spelling first; none where it is no single expression.
    package var patterns: [String] {
        let tail = #" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
        let head = #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"#
        let slashed = tail.replacing(#"[\r\n]*"#, with: #"[\r\n/]*"#)
        let gpt2 = #"| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
        return switch self {
        case .none, .smollm, .deepseek3, .deepseekcoder: []
        case .gpt2: ["'s|'t|'re|'ve|'m|'ll|'d" + gpt2, "'(?:[sdmt]|ll|ve|re)" + gpt2]
        case .llama3: [head + #"\p{N}{1,3}|"# + tail]
        case .qwen2: [head + #"\p{N}|"# + tail]
        case .o200k: [Self.cased(contractions: "(?i:'s|'t|'re|'ve|'m|'ll|'d)?") + #"\p{N}{1,3}|"# + slashed]
        case .tekken: [Self.cased(contractions: "") + #"\p{N}|"# + slashed]
        case .qwen35:
            [
                head.replacing(#"\p{L}+|"#, with: #"[\p{L}\p{M}]+|"#) + #"\p{N}|"#
                    + tail.replacing(#"[^\s\p{L}\p{N}]"#, with: #"[^\s\p{L}\p{M}\p{N}]"#)
            ]
        }
    }

    private static func cased(contractions: String) -> String {
        let (prefix, upper) = (#"[^\r\n\p{L}\p{N}]?"#, #"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#)
        let lower = #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"#
        return prefix + upper + "*" + lower + "+" + contractions + "|" + prefix + upper + "+" + lower + "*"
            + contractions
            + "|"
    }

    /// The words of a text, in order, as byte ranges.
    public func words(of bytes: [UInt8]) -> [Range<Int>] {
        bytes.withUnsafeBufferPointer { text in
            var result: [Range<Int>] = []
            forEachWord(text) { result.append($0) }
            return result
        }
    }

    @inline(__always)
    func forEachWord(_ text: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>) -> Void) {
        CharacterClass.basicPlane.withUnsafeBufferPointer { classes in
            if self == .smollm { return Self.forEachWordBetweenDigits(text, classes, body) }
            if self == .deepseek3 || self == .deepseekcoder { return forEachSplit(text, classes, body) }
            let scanner = WordScanner(text: text, classes: classes)
            var start = 0
            while start < text.count {
                let end =
                    switch self {
                    case .none, .smollm, .deepseek3, .deepseekcoder: text.count
                    case .gpt2: scanner.endOfGPT2Word(from: start)
                    case .llama3: scanner.endOfLlama3Word(from: start, digits: 3)
                    case .qwen2: scanner.endOfLlama3Word(from: start, digits: 1)
                    case .o200k: scanner.endOfCasedWord(from: start, digits: 3, contractions: true)
                    case .tekken: scanner.endOfCasedWord(from: start, digits: 1, contractions: false)
                    case .qwen35: scanner.endOfMarkedWord(from: start)
                    }
                body(start..<end)
                start = end
            }
        }
    }

    /// Splits digits off first: the text between two of them is split as if it were the whole text.
    @inline(__always)
    private static func forEachWordBetweenDigits(
        _ text: UnsafeBufferPointer<UInt8>, _ classes: UnsafeBufferPointer<CharacterClass>,
        _ body: (Range<Int>) -> Void
    ) {
        let whole = WordScanner(text: text, classes: classes)
        var start = 0
        while start < text.count {
            if let end = whole.endOfDigit(from: start) {
                body(start..<end)
                start = end
                continue
            }
            let part = UnsafeBufferPointer(rebasing: text[start..<whole.startOfDigit(from: start)])
            let scanner = WordScanner(text: part, classes: classes)
            var position = 0
            while position < part.count {
                let end = scanner.endOfGPT2Word(from: position)
                body((start + position)..<(start + end))
                position = end
            }
            start += part.count
        }
    }
}
