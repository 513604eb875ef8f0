import ForetokenModel

/// Head 1's log-likelihoods of continuations, as the decode kernels compute them.
public final class ContinuationScorer {
    private let scorer: TokenScorer
    private let context: Int

    /// Scores with a model's weights.
    public init(_ model: DecodeModel) {
        scorer = TokenScorer(model)
        context = model.configuration.contextLength
    }

    /// The log-likelihood of each continuation after one prefix, in nats: the sum of its tokens' log-probabilities.
    ///
    /// The prefix runs through the model once. A prefix that leaves no room for a continuation loses its first tokens for that
    /// one; the continuation's last token needs no place in the model's context.
    ///
    /// - Throws: ``DecodingError`` for an empty prefix, a continuation longer than the context or a token that the model does not
    ///   have; ``DecodingError/outOfMemory(_:)``.
    public func logLikelihoods(of continuations: [[Int32]], after prefix: [Int32]) throws -> [Double] {
        try scorer.check(prefix)
        for continuation in continuations { try scorer.check(continuation) }
        guard let last = prefix.last else { throw DecodingError.emptyPrompt }
        let shared = prefix.dropLast()
        // Nothing of the prefix is shared where none of the continuations leaves room for it.
        var cache: KeyValueCache?
        return try continuations.map { continuation in
            guard continuation.count <= context else {
                throw DecodingError.invalid(
                    "a continuation has \(continuation.count) tokens, more than the model's context of \(context)")
            }
            let kept = shared.suffix(max(0, context - max(1, continuation.count)))
            let own: KeyValueCache
            if kept.count == shared.count {
                let start = try cache ?? filledCache(shared)
                cache = start
                own = try start.fork(shared.count, maximum: context)
            } else {
                own = try filledCache(kept)
            }
            var sum = 0.0
            try scorer.run([last] + continuation.dropLast(), in: own, targets: continuation) { sum -= $0 }
            return sum
        }
    }

    private func filledCache(_ tokens: ArraySlice<Int32>) throws -> KeyValueCache {
        let cache = scorer.makeCache(maximum: context)
        try scorer.run(tokens, in: cache, targets: []) { _ in }
        return cache
    }
}
