import ForetokenText

/// The tokens around the parts of a text with a gap (fill in the middle, arXiv 2207.14255).
struct InfillTokens: Sendable, Equatable {
    /// Before the text before the gap.
    let prefix: Int32
    /// Before the text after the gap.
    let suffix: Int32
    /// Before the text that fills the gap.
    let middle: Int32

    /// The spellings by model family: Qwen, StarCoder, SantaCoder, Code Llama, DeepSeek Coder.
    private static let spellings = [
        ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),
        ("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),
        ("<fim-prefix>", "<fim-suffix>", "<fim-middle>"),
        ("▁<PRE>", "▁<SUF>", "▁<MID>"),
        ("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),
    ]

    /// Finds a tokenizer's tokens; nil if it has none of a known family.
    init?(of tokenizer: any Tokenizer) {
        for (prefix, suffix, middle) in Self.spellings {
            if let prefix = tokenizer.token(named: prefix), let suffix = tokenizer.token(named: suffix),
                let middle = tokenizer.token(named: middle)
            {
                (self.prefix, self.suffix, self.middle) = (prefix, suffix, middle)
                return
            }
        }
        return nil
    }

    /// The tokens of a text with a gap, in the order prefix, suffix, middle.
    ///
    /// - Parameters:
    ///   - before: the text before the gap; no special token is recognised in it.
    ///   - after: the text after it.
    func tokens(before: String, after: String, _ tokenizer: any Tokenizer) -> [Int32] {
        [prefix] + tokenizer.encode(before, specialTokens: .asText) + [suffix]
            + tokenizer.encode(after, specialTokens: .asText) + [middle]
    }
}
