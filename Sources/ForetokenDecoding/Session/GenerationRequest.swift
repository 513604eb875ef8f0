import ForetokenFiles
import ForetokenModel
import ForetokenText

/// A request to continue a prompt.
public struct GenerationRequest: Sendable, Equatable {
    /// The prompt's tokens, with the beginning-of-text token if the model has one.
    public var prompt: [Int32]
    /// The maximum number of tokens to generate.
    public var maximumTokens: Int
    /// k: the number of heads. 1 is next-token decoding, 2 or more self-speculative decoding; the text is the same.
    public var heads: Int
    /// Whether the draft length is adaptive, up to `heads` − 1, or always `heads` − 1. The text is the same.
    public var isAdaptive = false
    /// The sampling settings.
    public var sampler: Sampler
    /// The text ends before the first of these.
    public var stopStrings: [String]
    /// The text ends before the first of these tokens, as at the model's own ends of text.
    public var stopTokens: Set<Int32> = []

    /// Creates a request.
    public init(
        prompt: [Int32], maximumTokens: Int, heads: Int, sampler: Sampler = Sampler(), stopStrings: [String] = []
    ) {
        self.prompt = prompt
        self.maximumTokens = maximumTokens
        self.heads = heads
        self.sampler = sampler
        self.stopStrings = stopStrings
    }

    /// A digest of the model and the settings that determine the text: equal for requests that differ only in their prompts or
    /// in settings that affect only the speed.
    ///
    /// - Parameter model: the model's digest.
    /// - Returns: 16 hexadecimal digits.
    public func digest(model: String) -> String {
        let biases = sampler.logitBias.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)" }
        let settings: [String] = [
            model, "\(maximumTokens)", "\(sampler.temperature)", "\(sampler.seed)", "\(sampler.topK)",
            "\(sampler.topP)",
            "\(sampler.minP)", "\(sampler.repetitionPenalty)", "\(sampler.frequencyPenalty)",
            "\(sampler.presencePenalty)", biases.joined(separator: ","),
        ]
        let stops = stopStrings + stopTokens.sorted().map { "token \($0)" }
        let text = (settings + stops).map { "\($0.utf8.count) \($0)" }.joined(separator: "\n")
        return String(SHA256.hex(of: Array(text.utf8)).prefix(16))
    }

    func validate(for model: DecodeModel) throws(DecodingError) {
        let configuration = model.configuration
        guard !prompt.isEmpty else { throw .emptyPrompt }
        guard prompt.count < configuration.contextLength else {
            throw .promptTooLong(tokens: prompt.count, contextLength: configuration.contextLength)
        }
        if let bad = prompt.first(where: { $0 < 0 || Int($0) >= configuration.vocabulary }) {
            throw .tokenOutOfRange(token: bad, vocabulary: configuration.vocabulary)
        }
        guard (1...configuration.heads).contains(heads) else {
            throw .tooManyHeads(asked: heads, available: configuration.heads)
        }
        guard maximumTokens >= 1 else { throw .invalid("the token limit is \(maximumTokens); it must be at least 1") }
        try sampler.validate(vocabulary: configuration.vocabulary)
    }

    /// Maximum number of slots that the request can use in a cache.
    func maximumSlots(contextLength: Int) -> Int {
        let (sum, overflow) = maximumTokens.addingReportingOverflow(prompt.count + heads)
        return overflow ? contextLength : min(contextLength, sum)
    }
}

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

/// A piece of generated text and its origin.
public struct TextPiece: Sendable, Equatable {
    /// Whole characters.
    public let text: String
    /// Whether it comes from an accepted draft rather than from head 1.
    public let isDraft: Bool
}

/// Statistics of a request, so far or in total.
public struct GenerationStatistics: Sendable, Equatable {
    /// The generated tokens, without the end-of-text token but including the tokens of a stop string.
    public internal(set) var tokens: [Int32] = []
    /// Forward passes that emitted tokens, the prompt's included.
    public internal(set) var forwards = 0
    /// Drafts proposed and accepted.
    public internal(set) var drafts = DraftCounts()
    /// Seconds of the prompt's pass.
    public internal(set) var prefillSeconds = 0.0
    /// Seconds of all passes after it.
    public internal(set) var decodeSeconds = 0.0
    /// Why the text ended; nil while it is being generated.
    public internal(set) var stopReason: StopReason?

    /// Emitted tokens ÷ forwards: 1 to k.
    public var tokensPerForward: Double { forwards > 0 ? Double(tokens.count) / Double(forwards) : 0 }

    /// Mean seconds of a pass after the prompt's, drafting included.
    public var secondsPerPass: Double { forwards > 1 ? decodeSeconds / Double(forwards - 1) : 0 }

    /// Tokens per second after the prompt's pass.
    public var tokensPerSecond: Double { decodeSeconds > 0 ? Double(max(0, tokens.count - 1)) / decodeSeconds : 0 }
}
