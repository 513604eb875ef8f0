/// The text of a generated token, and how the token was chosen.
///
/// A text with scores ends with a piece of the token at which it ended, if it ended at one; its text is empty.
public struct TextPiece: Sendable, Equatable {
    /// The characters that the token completes; empty if it ends inside a character, whose text comes with a later token.
    public internal(set) var text = ""
    /// The token; nil for the replacement characters of a text that ends inside a character.
    public let token: Int32?
    /// 0 if head 1 chose the token after the pass's last accepted draft; i if it is the pass's draft i, drafted by head i + 1.
    public let draftPosition: Int
    /// The token's log-probability and the likeliest tokens, if the request asks for them.
    public let scores: TokenScores?

    /// Whether the token was drafted and accepted.
    public var isDraft: Bool { draftPosition > 0 }

    /// The same token with the text before an index.
    package func cut(to end: String.Index) -> TextPiece {
        var piece = self
        piece.text = String(text[..<end])
        return piece
    }

    init(token: Int32?, draftPosition: Int = 0, scores: TokenScores? = nil) {
        (self.token, self.draftPosition, self.scores) = (token, draftPosition, scores)
    }
}

/// The log-probability of a token at its position, and the likeliest tokens there.
///
/// Probabilities are head 1's: before bias, penalties and temperature. They do not depend on the drafts, bit for bit.
public struct TokenScores: Sendable, Equatable {
    /// A token and its natural log-probability.
    public struct Candidate: Sendable, Equatable {
        /// The token.
        public let token: Int32
        /// Its natural log-probability.
        public let logProbability: Double

        /// Creates a candidate.
        public init(token: Int32, logProbability: Double) {
            (self.token, self.logProbability) = (token, logProbability)
        }
    }

    /// The token at the position.
    public let token: Int32
    /// Its natural log-probability.
    public let logProbability: Double
    /// The likeliest tokens, the likeliest first; of equal ones the one with the lower number.
    public let top: [Candidate]

    /// Creates the scores of a token.
    public init(token: Int32, logProbability: Double, top: [Candidate] = []) {
        (self.token, self.logProbability, self.top) = (token, logProbability, top)
    }

    /// Scores a token by the logits [V] at its position.
    init(token: Int32, logits: UnsafeBufferPointer<Float>, top count: Int) {
        let probabilities = LogProbabilities(logits)
        self.init(
            token: token, logProbability: probabilities[token],
            top: logits.largest(count).map { Candidate(token: $0, logProbability: probabilities[$0]) })
    }
}
