public import ForetokenText

extension ModelConfiguration {
    /// Encodes a prompt, with the model's beginning-of-text token if it has one.
    public func tokens(of prompt: String, _ tokenizer: any Tokenizer) -> [Int32] {
        (beginningOfText.map { [$0] } ?? []) + tokenizer.encode(prompt)
    }
}
