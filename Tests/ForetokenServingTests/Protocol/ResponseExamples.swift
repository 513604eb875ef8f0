import ForetokenText

@testable import ForetokenDecoding
@testable import ForetokenServing

/// Answers whose tokens are bytes: parts of characters, special tokens, and tokens of equal text.
enum ResponseExamples {
    static let identity = ResponseIdentity(
        id: "cmpl-0123456789abcdef", created: 1_700_000_000, model: "a \"model\"", fingerprint: "foretoken-1")
    static let tokenizer = ByteTokenizer()
    static let texts = TokenText(tokenizer)

    static let statistics = {
        var statistics = GenerationStatistics()
        statistics.tokens = [104, 105, 226, 130]
        statistics.endToken = 257
        statistics.forwards = 2
        statistics.drafts.count(accepted: 2, of: 3)
        (statistics.waitingSeconds, statistics.prefillSeconds, statistics.decodeSeconds) = (0.125, 0.5, 0.25)
        statistics.reusedPromptTokens = 1
        statistics.stopReason = .endOfText
        return statistics
    }()

    /// Scores with exact binary fractions and others.
    static func scores(_ token: Int32, _ logProbability: Double, _ top: [(Int32, Double)]) -> TokenScores {
        TokenScores(
            token: token, logProbability: logProbability,
            top: top.map { TokenScores.Candidate(token: $0.0, logProbability: $0.1) })
    }

    static func piece(_ text: String, _ token: Int32?, draft: Int = 0, _ scores: TokenScores? = nil) -> TextPiece {
        var piece = TextPiece(token: token, draftPosition: draft, scores: scores)
        piece.text = text
        return piece
    }

    /// "h€" and the end of the text: the euro sign has three tokens.
    static func pieces(scored: Bool) -> [TextPiece] {
        let all = [
            piece("h", 104, scores(104, -0.1, [(104, -0.1), (72, -2.5)])),
            piece("", 226, draft: 1, scores(226, -1.0 / 3, [(226, -1.0 / 3), (101, -1.25)])),
            // The chosen token is not among the most likely.
            piece("", 130, draft: 2, scores(130, -12.345678901234567, [(10, -0.5), (34, -1e-300)])),
            piece("€", 172, scores(172, -.infinity, [(257, -0.0), (172, -.infinity)])),
            piece("", 257, scores(257, -2, [(257, -2), (256, -3)])),
        ]
        return scored ? all : all.map { piece($0.text, $0.token, draft: $0.draftPosition) }
    }

    /// "é" after the token that begins a text.
    static let prompt = ScoredPrompt(
        text: "é!", tokens: [256, 195, 169, 33],
        scores: [
            nil, scores(195, -4.5, [(97, -0.25), (98, -1.5)]), scores(169, -0.001, [(169, -0.001), (168, -7)]),
            scores(33, -1, [(33, -1), (32, -1)]),
        ])

    static func options(_ change: (inout GenerationOptions) -> Void = { _ in }) -> GenerationOptions {
        var options = GenerationOptions(sampler: GenerationOptions.openAIDefaults)
        change(&options)
        return options
    }

    static let usage = Usage(
        promptTokens: 4, cachedTokens: 1, completionTokens: 4, drafts: statistics.drafts)
    static let timings = Timings(statistics, heads: 4, promptTokens: 4, cachedTokens: 1)

    static let model = ModelDescription(
        name: "python-bytes", created: 1_700_000_000,
        limits: ModelLimits(vocabulary: 258, contextLength: 4096, heads: 4, endTokens: [257]), tokenizer: tokenizer,
        chatTemplate: "{% for m in messages %}{{ m.content }}{% endfor %}")
}
