package import ForetokenDecoding

/// Why a choice ended, in OpenAI's words.
package enum FinishReason: String, Sendable {
    /// The model ended the text, or a stop was generated.
    case stop
    /// The maximum number of tokens was reached, or the context is full.
    case length

    package init(_ reason: StopReason) {
        switch reason {
        case .endOfText, .stopString: self = .stop
        case .maximumTokens, .contextFull: self = .length
        }
    }
}

/// One of the completions of a request, or a part of one in a stream.
package struct Choice: Sendable, Equatable {
    /// Its number: those of the first prompt come first.
    package var index: Int
    /// The prompt, if the answer shows it or its log-probabilities: in a stream with the first part.
    package var prompt: ScoredPrompt?
    /// The generated tokens.
    package var pieces: [TextPiece]
    /// Why it ended; nil in the midst of a stream.
    package var finish: FinishReason?

    package init(index: Int, prompt: ScoredPrompt? = nil, pieces: [TextPiece], finish: FinishReason?) {
        (self.index, self.prompt, self.pieces, self.finish) = (index, prompt, pieces, finish)
    }

    var text: String { pieces.reduce(into: "") { $0 += $1.text } }
    var tokens: [Int32] { pieces.compactMap(\.token) }
}

/// A prompt for `echo` and `prompt_logprobs`.
package struct ScoredPrompt: Sendable, Equatable {
    /// The text, as it was sent or as the tokens spell it.
    package var text: String
    /// The tokens, those before the text included.
    package var tokens: [Int32]
    /// The scores of each token given those before it, nil for the first; empty if there are none.
    package var scores: [TokenScores?]

    package init(text: String, tokens: [Int32], scores: [TokenScores?] = []) {
        (self.text, self.tokens, self.scores) = (text, tokens, scores)
    }
}
