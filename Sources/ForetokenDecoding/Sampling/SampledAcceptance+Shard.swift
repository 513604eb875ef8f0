public import ForetokenModel
public import ForetokenText

extension SampledAcceptance {
    /// Computes the means over a shard's first documents: about 16,384 tokens, each document truncated to the model's context.
    ///
    /// `distributions` as in ``init(_:texts:distributions:)``.
    public init(
        _ configuration: ModelConfiguration, on shard: TokenShard, distributions: ([Int32]) throws -> [[Double]]
    ) rethrows {
        let texts = shard.firstTexts(
            beginning: configuration.beginningOfText.map { [$0] } ?? [], context: configuration.contextLength)
        try self.init(configuration, texts: texts, distributions: distributions)
    }
}
