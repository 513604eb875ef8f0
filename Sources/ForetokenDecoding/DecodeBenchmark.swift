internal import CTorch
import ForetokenModel

/// The cost of decoding passes of several widths over one model, in alternation.
public struct DecodeBenchmark: Sendable {
    /// Seconds of passes over a number of tokens.
    public struct Width: Sendable {
        /// Tokens of a pass.
        public let tokens: Int
        /// The median.
        public let seconds: Double
        /// Bytes of weights ÷ seconds.
        public let bytesPerSecond: Double
    }

    /// The widths in the order asked for.
    public let widths: [Width]
    /// Seconds of drafting with all heads after a pass; 0 for a model of one head.
    public let draftSeconds: Double
    /// Bytes a second that reading memory in order reaches here on the same threads, measured in between; nil if the weights
    /// fit the cache.
    public let streamRate: Double?

    /// Measures passes that stand after `filled` tokens, each repeated for about `seconds` in all.
    ///
    /// - Throws: ``DecodingError``, `TorchError.outOfMemory`.
    public init(_ model: DecodeModel, passWidths: [Int], filled: Int, seconds: Double) throws {
        let longest = passWidths.max() ?? 1
        guard passWidths.allSatisfy({ (1...Pass.mostRows).contains($0) }) else {
            throw DecodingError.invalid("a pass has 1 to \(Pass.mostRows) tokens")
        }
        guard filled >= 1, filled + longest <= model.configuration.context else {
            throw DecodingError.promptTooLong(tokens: filled + longest, context: model.configuration.context)
        }
        let pool = CachePool(model)
        let verifier = Verifier(model, maximum: model.configuration.context, pool: pool)
        let heads = model.configuration.heads
        let drafter =
            heads > 1 ? SelfDrafter(model, heads: heads, maximum: model.configuration.context, pool: pool) : nil
        let vocabulary = Int32(model.configuration.vocabulary)
        func tokens(_ count: Int) -> [Int32] {
            (0..<count).map { Int32(truncatingIfNeeded: $0 * 7919 + 11) % vocabulary }
        }

        let prompt = try verifier.pass(tokens(filled), outputs: 1)
        drafter?.advance(prompt.latent, rows: filled)
        verifier.commit(filled)
        _ = try drafter?.propose(heads - 1, position: filled + 1, sampler: Sampler())

        let clock = ContinuousClock()
        func time(_ body: () throws -> Void) rethrows -> Double {
            let begin = clock.now
            try body()
            let elapsed = (clock.now - begin).components
            return Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
        }
        let bytes = model.bytesRead(heads: 1)
        let stream = bytes > 1 << 28 ? [Float](repeating: 1, count: 1 << 28) : []
        var samples = [[Double]](repeating: [], count: passWidths.count)
        var drafts: [Double] = []
        var reads: [Double] = []
        let end = clock.now + .seconds(seconds)
        repeat {
            for (index, width) in passWidths.enumerated() {
                let block = tokens(width)
                var latent: UnsafePointer<Float>?
                samples[index].append(
                    try time {
                        let result = try verifier.pass(block, outputs: width)
                        _ = ct_k_argmax(result.logits, Int64(vocabulary))
                        latent = result.latent
                    })
                verifier.commit(0)
                if index == 0, let drafter, let latent, drafter.length + 1 < model.configuration.context {
                    drafter.advance(latent, rows: 1)
                    drafts.append(
                        try time { _ = try drafter.propose(heads - 1, position: filled + 1, sampler: Sampler()) })
                }
            }
            if !stream.isEmpty {
                reads.append(Double(stream.count) * 4 / time { ct_k_read(stream, Int64(stream.count)) })
            }
        } while clock.now < end || samples[0].count < 5
        func median(_ values: [Double]) -> Double { values.isEmpty ? 0 : values.sorted()[values.count / 2] }
        widths = zip(passWidths, samples).map {
            Width(tokens: $0, seconds: median($1), bytesPerSecond: Double(bytes) / median($1))
        }
        draftSeconds = median(drafts)
        streamRate = reads.isEmpty ? nil : median(reads)
    }
}
