/// Splits text into words before merging: hand-written matchers for the regular expressions of the commonest model families, and a
/// matcher of patterns for others.
///
/// Every byte belongs to exactly one word.
public enum PreTokenizer: Sendable, Equatable, CaseIterable {
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
    /// The splits of DeepSeek-LLM.
    case deepseekllm
    /// Falcon's: punctuation apart, GPT-2's pattern, and digits in groups of three.
    case falcon
    /// BLOOM's pattern: words up to white space or punctuation.
    case bloom
    /// The steps of another file.
    case steps(PreTokenizerSteps)

    /// All with a name.
    public static let allCases: [PreTokenizer] = [
        .none, .gpt2, .llama3, .qwen2, .smollm, .o200k, .tekken, .qwen35, .deepseek3, .deepseekcoder, .deepseekllm,
        .falcon, .bloom,
    ]

    /// The pre-tokenizer with a name; nil if there is none.
    public init?(rawValue: String) {
        guard let found = Self.allCases.first(where: { $0.rawValue == rawValue }) else { return nil }
        self = found
    }

    /// The name.
    public var rawValue: String {
        switch self {
        case .none: "none"
        case .gpt2: "gpt2"
        case .llama3: "llama3"
        case .qwen2: "qwen2"
        case .smollm: "smollm"
        case .o200k: "o200k"
        case .tekken: "tekken"
        case .qwen35: "qwen35"
        case .deepseek3: "deepseek3"
        case .deepseekcoder: "deepseekcoder"
        case .deepseekllm: "deepseekllm"
        case .falcon: "falcon"
        case .bloom: "bloom"
        case .steps: "other"
        }
    }

    /// The equivalent regular expressions, the most common spelling first; none where it is no single expression.
    package var patterns: [String] {
        let tail = #" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
        let head = #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"#
        let slashed = tail.replacing(#"[\r\n]*"#, with: #"[\r\n/]*"#)
        let gpt2 = #"| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
        return switch self {
        case .none, .smollm, .deepseek3, .deepseekcoder, .deepseekllm, .falcon, .bloom, .steps: []
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
        if let steps { return steps.forEachWord(text, body) }
        CharacterClass.basicPlane.withUnsafeBufferPointer { classes in
            if case .smollm = self { return Self.forEachWordBetweenDigits(text, classes, body) }
            let scanner = WordScanner(text: text, classes: classes)
            var start = 0
            while start < text.count {
                let end =
                    switch self {
                    case .none, .smollm, .deepseek3, .deepseekcoder, .deepseekllm, .falcon, .bloom, .steps: text.count
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
