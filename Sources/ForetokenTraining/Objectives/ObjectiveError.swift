/// Why no loss can be computed of a batch.
public enum ObjectiveError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A token to predict is not in the model's vocabulary.
    case targetOutsideVocabulary(head: Int, sequence: Int, position: Int, token: Int64, vocabulary: Int)
    /// A token to read is not in the model's vocabulary.
    case inputOutsideVocabulary(sequence: Int, position: Int, token: Int64, vocabulary: Int)
    /// A probability to learn from is negative, infinite or not a number.
    case impossibleProbability(head: Int, sequence: Int, position: Int, value: Float)
    /// Soft targets for another number of positions.
    case misshapenSoftTargets(head: Int, found: Int, expected: Int)

    /// What is wrong, where, and what to do.
    public var description: String {
        let remedy = "the data was prepared with another tokenizer than the model's, or is damaged: prepare it again"
        return switch self {
        case .targetOutsideVocabulary(let head, let sequence, let position, let token, let vocabulary):
            "head \(head): target \(token) of position \(position) in sequence \(sequence) of the batch is outside the "
                + "vocabulary of \(vocabulary); \(remedy)"
        case .inputOutsideVocabulary(let sequence, let position, let token, let vocabulary):
            "token \(token) at position \(position) in sequence \(sequence) of the batch is outside the vocabulary of "
                + "\(vocabulary); \(remedy)"
        case .impossibleProbability(let head, let sequence, let position, let value):
            "head \(head): a soft target of position \(position) in sequence \(sequence) of the batch has probability \(value); "
                + "probabilities are finite and not negative"
        case .misshapenSoftTargets(let head, let found, let expected):
            "head \(head): soft targets for \(found) positions in a batch of \(expected)"
        }
    }
}
