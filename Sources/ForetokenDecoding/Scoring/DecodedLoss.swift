import ForetokenModel

/// Head 1's loss on texts, computed by the decoding kernels: measures the accuracy lost to a smaller weight format.
public struct DecodedLoss: Sendable, Equatable {
    /// Mean cross-entropy in nats per token.
    public let nats: Double
    /// Tokens predicted.
    public let tokens: Int

    /// Evaluates each text from its first token, truncated to the model's context.
    ///
    /// - Throws: ``DecodingError``, ``DecodingError/outOfMemory(_:)``.
    public init(_ model: DecodeModel, texts: [[Int32]]) throws {
        let scorer = TokenScorer(model)
        var (sum, count) = (0.0, 0)
        for text in texts {
            try scorer.check(text)
            let text = text.prefix(model.configuration.contextLength)
            try scorer.run(
                text.dropLast(), in: scorer.makeCache(maximum: text.count), targets: text.dropFirst()
            ) {
                sum += $0
                count += 1
            }
        }
        nats = sum / Double(max(1, count))
        tokens = count
    }
}
