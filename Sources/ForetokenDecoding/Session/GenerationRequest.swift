import ForetokenFiles
import ForetokenModel
import ForetokenText

/// A request to continue a prompt.
public struct GenerationRequest: Sendable, Equatable {
    /// The prompt's tokens, with the beginning-of-text token if the model has one.
    public var prompt: [Int32]
    /// The maximum number of tokens to generate; 0 only runs the prompt.
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
    /// How many of the likeliest tokens are reported at every position with the chosen one, as ``TextPiece/scores``; none if nil.
    public var logProbabilities: Int?
    /// Whether the prompt's tokens are scored as well, as ``GenerationStream/promptScores``.
    public var scoresPrompt = false

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
        // Without generated tokens, the prompt may fill the context.
        guard prompt.count < configuration.contextLength + (maximumTokens == 0 ? 1 : 0) else {
            throw .promptTooLong(tokens: prompt.count, contextLength: configuration.contextLength)
        }
        if let bad = prompt.first(where: { $0 < 0 || Int($0) >= configuration.vocabulary }) {
            throw .tokenOutOfRange(token: bad, vocabulary: configuration.vocabulary)
        }
        guard (1...configuration.heads).contains(heads) else {
            throw .tooManyHeads(asked: heads, available: configuration.heads)
        }
        guard maximumTokens >= 0 else { throw .invalid("the token limit is \(maximumTokens); it must be at least 0") }
        if let logProbabilities, logProbabilities < 0 {
            throw .invalid("the number of log-probabilities is \(logProbabilities); it must be at least 0")
        }
        try sampler.validate(vocabulary: configuration.vocabulary)
    }

    /// Maximum number of slots that the request can use in a cache.
    func maximumSlots(contextLength: Int) -> Int {
        let (sum, overflow) = maximumTokens.addingReportingOverflow(prompt.count + heads)
        return overflow ? contextLength : min(contextLength, sum)
    }
}
