public import ForetokenText

extension ModelConfiguration {
    /// The tokens of a prompt: the model's beginning token, if it has one, and the text's.
    public func tokens(of prompt: String, _ tokenizer: any Tokenizer) -> [Int32] {
        (beginningOfText.map { [$0] } ?? []) + tokenizer.encode(prompt)
    }
}
