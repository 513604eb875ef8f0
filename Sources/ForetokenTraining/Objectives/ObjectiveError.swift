/// What can be wrong with a batch that an objective is given.
public enum ObjectiveError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A token to predict is none of the model's.
    case targetOutsideVocabulary(head: Int, sample: Int, position: Int, token: Int64, vocabulary: Int)
    /// A token to read is none of the model's.
    case inputOutsideVocabulary(sample: Int, position: Int, token: Int64, vocabulary: Int)
    /// A probability to learn from is negative, infinite or no number.
    case impossibleProbability(head: Int, sample: Int, position: Int, value: Float)
    /// Soft targets of another batch size or context.
    case misshapenSoftTargets(head: Int, found: Int, expected: Int)

    /// What is wrong, where, and what to do.
    public var description: String {
        let remedy = "the data was prepared with another tokenizer than the model's, or is damaged: prepare it again"
        return switch self {
        case .targetOutsideVocabulary(let head, let sample, let position, let token, let vocabulary):
            "head \(head): target \(token) of position \(position) in sample \(sample) of the batch is outside the "
                + "vocabulary of \(vocabulary); \(remedy)"
        case .inputOutsideVocabulary(let sample, let position, let token, let vocabulary):
            "token \(token) at position \(position) in sample \(sample) of the batch is outside the vocabulary of "
                + "\(vocabulary); \(remedy)"
        case .impossibleProbability(let head, let sample, let position, let value):
            "head \(head): a soft target of position \(position) in sample \(sample) of the batch has probability \(value); "
                + "probabilities are finite and not negative"
        case .misshapenSoftTargets(let head, let found, let expected):
            "head \(head): soft targets for \(found) positions in a batch of \(expected)"
        }
    }
}
