/// Why a text ended.
public enum StopReason: String, Sendable {
    /// The model ended the text.
    case endOfText
    /// A stop string was generated.
    case stopString
    /// The request's maximum number of tokens was reached.
    case maximumTokens
    /// The model's context is full.
    case contextFull
}

/// Statistics of a request, so far or in total.
public struct GenerationStatistics: Sendable, Equatable {
    /// The generated tokens, without the end-of-text token but including the tokens of a stop string.
    public internal(set) var tokens: [Int32] = []
    /// Forward passes that emitted tokens, the prompt's included.
    public internal(set) var forwards = 0
    /// Drafts proposed and accepted.
    public internal(set) var drafts = DraftCounts()
    /// Seconds that the request waited for a place in the batch.
    public internal(set) var waitingSeconds = 0.0
    /// Seconds of the prompt's pass.
    public internal(set) var prefillSeconds = 0.0
    /// Seconds of all passes after it.
    public internal(set) var decodeSeconds = 0.0
    /// The prompt's tokens that were found in the prefix cache.
    public internal(set) var reusedPromptTokens = 0
    /// Why the text ended; nil while it is being generated.
    public internal(set) var stopReason: StopReason?
    /// The token at which the text ended, if it ended at one: an end of text or one of the request's stop tokens.
    public internal(set) var endToken: Int32?
    /// The stop string before which the text ended.
    public internal(set) var stopString: String?

    /// Creates the statistics of a request that has not begun.
    public init() {}

    /// Emitted tokens, the one that ended the text included, ÷ forwards: 1 to k.
    public var tokensPerForward: Double {
        forwards > 0 ? Double(tokens.count + (endToken == nil ? 0 : 1)) / Double(forwards) : 0
    }

    /// Mean seconds of a pass after the prompt's, drafting included.
    public var secondsPerPass: Double { forwards > 1 ? decodeSeconds / Double(forwards - 1) : 0 }

    /// Tokens per second after the prompt's pass.
    public var tokensPerSecond: Double { decodeSeconds > 0 ? Double(max(0, tokens.count - 1)) / decodeSeconds : 0 }
}
