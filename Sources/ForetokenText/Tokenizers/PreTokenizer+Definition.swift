package import ForetokenFiles

extension PreTokenizer {
    /// The `pre_tokenizer` of a `tokenizer.json` that splits like this.
    package var definition: JSONValue {
        TokenizerDefinition(words: [], merges: [], preTokenizer: self).preTokenization
    }
}
