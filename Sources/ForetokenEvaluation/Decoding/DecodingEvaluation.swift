public import ForetokenDecoding
import ForetokenModel
public import ForetokenReport
public import ForetokenText
import Foundation

/// Next-token and self-speculative decoding compared on held-out prompts.
public struct DecodingEvaluation: Sendable {
    /// The prompts, and how they are continued.
    public struct Settings: Sendable {
        /// The most prompts, each the beginning of a document.
        public var prompts = 8
        /// Tokens of each prompt.
        public var promptTokens = 64
        /// The most tokens to generate for each prompt.
        public var maximumTokens = 160
        /// Heads in use; all of the model's if nil.
        public var heads: Int?
        /// Whether the draft length is adaptive; see `GenerationRequest.isAdaptive`.
        public var isAdaptive = false
        /// How tokens are chosen.
        public var sampler = Sampler()

        /// The defaults.
        public init() {}
    }

    /// Head 1's loss with rounded weights beside that with float32 weights.
    public struct WeightLoss: Sendable, Equatable {
        /// Nats a token with the weights as they are held.
        public let own: Double
        /// Nats a token with float32 weights.
        public let float32: Double
        /// Tokens predicted.
        public let tokens: Int
    }

    /// Decoding with 1, 2, … heads.
    public struct ByHeads: Sendable {
        /// What `decoding.json` holds.
        public let record: DecodingByHeads
        /// The comparison for each number of heads, from 1.
        public let comparisons: [DecodingComparison]
        /// Whether any two outputs differ.
        public var differs: Bool { comparisons.contains { $0.differing > 0 } }
    }

    /// The settings.
    public let settings: Settings
    /// Heads in use.
    public let heads: Int
    private let model: DecodeModel
    private let tokenizer: any Tokenizer
    private let shard: TokenShard
    private let prompts: [[Int32]]

    /// Takes the prompts from a shard.
    ///
    /// - Throws: `ShardError` for another tokenizer's shard, ``EvaluationError/system(file:reason:)`` if all documents are too
    ///   short.
    public init(
        _ model: DecodeModel, tokenizer: any Tokenizer, prompts shard: TokenShard, settings: Settings = Settings()
    ) throws {
        try shard.requireTokenizer(tokenizer)
        prompts = shard.prompts(
            settings.prompts, length: settings.promptTokens, beginning: Self.beginning(of: model))
        guard !prompts.isEmpty else {
            throw EvaluationError.system(
                file: shard.url.relativePath,
                reason: "no document has \(settings.promptTokens) tokens; give a smaller --prompt-tokens")
        }
        heads = settings.heads ?? model.configuration.heads
        (self.settings, self.model, self.tokenizer, self.shard) = (settings, model, tokenizer, shard)
    }

    private static func beginning(of model: DecodeModel) -> [Int32] {
        model.configuration.beginningOfText.map { [$0] } ?? []
    }

    /// Decodes every prompt both ways with ``heads`` heads.
    ///
    /// - Throws: `DecodingError`.
    public func compare() throws -> DecodingComparison { try compare(heads: heads) }

    /// Decodes every prompt both ways with 1 to ``heads`` heads.
    ///
    /// - Throws: `DecodingError`.
    public func compareByHeads() throws -> ByHeads {
        let comparisons = try (1...max(1, heads)).map(compare(heads:))
        let rows = comparisons.enumerated().map { index, comparison in
            DecodingByHeads.Row(
                heads: index + 1, tokensPerForward: comparison.speculative.tokensPerForward,
                tokensPerSecond: comparison.speculative.tokensPerSecond, speedUp: comparison.speedUp,
                acceptance: comparison.speculative.drafts.acceptance,
                acceptedLengths: comparison.speculative.drafts.acceptedLengths)
        }
        let record = DecodingByHeads(
            prompts: comparisons[0].prompts, maximumTokens: settings.maximumTokens,
            temperature: settings.sampler.temperature, rows: rows)
        return ByHeads(record: record, comparisons: comparisons)
    }

    /// What weights in fewer bits cost: head 1's loss over about 16,384 tokens of the shard; nil for float32 weights.
    ///
    /// `reference` reads the same model with float32 weights.
    ///
    /// - Throws: `DecodingError`, and what `reference` throws.
    public func weightLoss(reference: () throws -> DecodeModel) throws -> WeightLoss? {
        guard model.format != .f32 else { return nil }
        let texts = shard.firstTexts(beginning: Self.beginning(of: model), context: model.configuration.contextLength)
        let own = try DecodedLoss(model, texts: texts)
        let float32 = try DecodedLoss(reference(), texts: texts)
        return WeightLoss(own: own.nats, float32: float32.nats, tokens: own.tokens)
    }

    private func compare(heads: Int) throws -> DecodingComparison {
        try DecodingComparison(
            model, prompts: prompts, maximumTokens: settings.maximumTokens, heads: heads,
            isAdaptive: settings.isAdaptive, sampler: settings.sampler, tokenizer: tokenizer)
    }
}
