import ForetokenFiles
import ForetokenModel
import ForetokenText

/// What to decode, and how.
public struct GenerationRequest: Sendable, Equatable {
    /// The prompt's tokens, with the beginning token if the model has one.
    public var prompt: [Int32]
    /// The most tokens to generate.
    public var maximumTokens: Int
    /// k: heads in use. 1 is next-token decoding, 2 and more self-speculative decoding; the text is the same.
    public var heads: Int
    /// Whether the number of drafts follows what pays, up to `heads` − 1; otherwise it is always that many. The text is the same.
    public var isAdaptive = false
    /// How tokens are chosen.
    public var sampler: Sampler
    /// The text ends before the first of these.
    public var stopStrings: [String]

    /// A request.
    public init(
        prompt: [Int32], maximumTokens: Int, heads: Int, sampler: Sampler = Sampler(), stopStrings: [String] = []
    ) {
        self.prompt = prompt
        self.maximumTokens = maximumTokens
        self.heads = heads
        self.sampler = sampler
        self.stopStrings = stopStrings
    }

    /// Tells texts of other settings or another model apart: equal for requests that differ in their prompts only, or in
    /// what changes the speed.
    ///
    /// - Parameter model: what tells the model from others.
    /// - Returns: 16 hexadecimal digits.
    public func digest(model: String) -> String {
        let biases = sampler.logitBias.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)" }
        let settings: [String] = [
            model, "\(maximumTokens)", "\(sampler.temperature)", "\(sampler.seed)", "\(sampler.topK)",
            "\(sampler.topP)",
            "\(sampler.minP)", "\(sampler.repetitionPenalty)", "\(sampler.frequencyPenalty)",
            "\(sampler.presencePenalty)", biases.joined(separator: ","),
        ]
        let text = (settings + stopStrings).map { "\($0.utf8.count) \($0)" }.joined(separator: "\n")
        return String(SHA256.hex(of: Array(text.utf8)).prefix(16))
    }

    func validate(for model: DecodeModel) throws(DecodingError) {
        let configuration = model.configuration
        guard !prompt.isEmpty else { throw .emptyPrompt }
        guard prompt.count < configuration.context else {
            throw .promptTooLong(tokens: prompt.count, context: configuration.context)
        }
        if let bad = prompt.first(where: { $0 < 0 || Int($0) >= configuration.vocabulary }) {
            throw .tokenOutOfRange(token: bad, vocabulary: configuration.vocabulary)
        }
        guard (1...configuration.heads).contains(heads) else {
            throw .tooManyHeads(asked: heads, available: configuration.heads)
        }
        guard maximumTokens >= 1 else { throw .invalid("maximumTokens is \(maximumTokens): it must be at least 1") }
        try sampler.validate(vocabulary: configuration.vocabulary)
    }

    /// Slots that the request can come to use in a cache.
    func mostSlots(context: Int) -> Int {
        let (sum, overflow) = maximumTokens.addingReportingOverflow(prompt.count + heads)
        return overflow ? context : min(context, sum)
    }
}

/// Why a text ended.
public enum StopReason: String, Sendable {
    /// The model ended the text.
    case endOfText
    /// A stop string came.
    case stopString
    /// The request's maximum is reached.
    case maximumTokens
    /// The model's context is full.
    case contextFull
}

/// A piece of text and where it came from.
public struct TextPiece: Sendable, Equatable {
    /// Whole characters.
    public let text: String
    /// Whether an accepted draft of another head made it, rather than head 1.
    public let isDraft: Bool
}

/// What a decoding did, so far or in all.
public struct GenerationStatistics: Sendable, Equatable {
    /// The tokens generated, without an ending token; those that completed a stop string are among them.
    public internal(set) var tokens: [Int32] = []
    /// Forward passes that emitted tokens, the prompt's included.
    public internal(set) var forwards = 0
    /// What became of the drafts.
    public internal(set) var drafts = DraftCounts()
    /// Seconds of the prompt's pass.
    public internal(set) var prefillSeconds = 0.0
    /// Seconds of all passes after it.
    public internal(set) var decodeSeconds = 0.0
    /// Why it ended; nil while it goes on.
    public internal(set) var stopReason: StopReason?

    /// Emitted tokens ÷ forwards: 1 to k.
    public var tokensPerForward: Double { forwards > 0 ? Double(tokens.count) / Double(forwards) : 0 }

    /// Mean seconds of a pass after the prompt's, drafting included.
    public var secondsPerPass: Double { forwards > 1 ? decodeSeconds / Double(forwards - 1) : 0 }

    /// Tokens a second after the prompt's pass.
    public var tokensPerSecond: Double { decodeSeconds > 0 ? Double(max(0, tokens.count - 1)) / decodeSeconds : 0 }
}
