extension CorpusPreparation {
    /// Trains a byte-level BPE tokenizer on the documents to train on.
    ///
    /// - Parameters:
    ///   - vocabularySize: tokens of the vocabulary; the result has fewer if the text has too few pairs.
    ///   - preTokenizer: how text is cut into words first.
    ///   - counting: called while words are counted; ends the work by throwing.
    ///   - counted: called with the number of different words before training; ends the work by throwing.
    /// - Throws: ``TokenizerError``, ``PreparationError``.
    public func trainTokenizer(
        vocabularySize: Int, preTokenizer: PreTokenizer, counting: (PreparationProgress) throws -> Void = { _ in },
        counted: (Int) throws -> Void = { _ in }
    ) throws -> BytePairTokenizer {
        var training = try BytePairTraining(vocabularySize: vocabularySize, preTokenizer: preTokenizer)
        try countWords(into: &training, progress: counting)
        try counted(training.wordCount)
        return try training.train()
    }
}
