public import ForetokenText

extension ModelConfiguration {
    /// Encodes a prompt, with the model's beginning-of-text token if it has one and the prompt does not spell it itself.
    ///
    /// - Parameters:
    ///   - prompt: the text.
    ///   - tokenizer: the model's tokenizer.
    ///   - specialTokens: whether spellings of special tokens such as `<|im_start|>` become these tokens.
    public func tokens(
        of prompt: String, _ tokenizer: any Tokenizer, specialTokens: SpecialTokens = .asText
    ) -> [Int32] {
        let tokens = tokenizer.encode(prompt, specialTokens: specialTokens)
        guard let beginningOfText, tokens.first != beginningOfText else { return tokens }
        return [beginningOfText] + tokens
    }
}
