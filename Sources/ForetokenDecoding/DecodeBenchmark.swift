internal import CKernels
import ForetokenModel
import ForetokenText

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
    /// fit the cache or lie on a GPU.
    public let streamRate: Double?

    /// Measures passes that stand after `filled` tokens, each repeated for about `seconds` in all.
    ///
    /// `batch`: sequences in a pass, each with the tokens of a width.
    /// - Throws: ``DecodingError``, ``DecodingError/outOfMemory(_:)``.
    public init(_ model: DecodeModel, passWidths: [Int], filled: Int, batch: Int = 1, seconds: Double) throws {
        let longest = passWidths.max() ?? 1
        guard passWidths.allSatisfy({ (1...DecodeEngine.promptRows).contains($0) }) else {
            throw DecodingError.invalid("a pass has 1 to \(DecodeEngine.promptRows) tokens")
        }
        let context = model.configuration.context
        guard filled >= 1, filled + longest < context else {
            throw DecodingError.promptTooLong(tokens: filled + longest, context: context)
        }
        let pool = CachePool(model)
        let drafter = TimedDrafter(model, pool)
        let engine = DecodeEngine(model, pool: pool, drafter: drafter)
        let vocabulary = Int32(model.configuration.vocabulary)
        func tokens(_ count: Int) -> [Int32] {
            (0..<count).map { Int32(truncatingIfNeeded: $0 * 7919 + 11) % vocabulary }
        }
        let heads = model.configuration.heads
        let request = GenerationRequest(
            prompt: tokens(filled), maximumTokens: context, heads: heads, sampler: Sampler(temperature: 0))
        let base = try DecodingSequence(model, request, tokenizer: ByteTokenizer(), pool: engine.pool)
        while base.isPrefilling { try engine.step([base]) }

        let bytes = model.bytesRead(heads: 1)
        let stream = bytes > 1 << 28 && model.backend is CPUBackend ? [Float](repeating: 1, count: 1 << 28) : []
        var samples = [[Double]](repeating: [], count: passWidths.count)
        var drafts: [Double] = []
        var reads: [Double] = []
        let clock = ContinuousClock()
        let end = clock.now + .seconds(seconds)
        repeat {
            for (index, width) in passWidths.enumerated() {
                // A pass at the same place every time, over random drafts.
                let sequences = try (0..<batch).map { _ in
                    let sequence = try DecodingSequence(model, forking: base, request, length: filled - 1)
                    sequence.drafts = tokens(width - 1)
                    return sequence
                }
                drafter.seconds = 0
                let begin = clock.now
                try engine.step(sequences)
                samples[index].append((clock.now - begin).inSeconds - drafter.seconds)
                if drafter.seconds > 0 { drafts.append(drafter.seconds) }
            }
            if !stream.isEmpty {
                let begin = clock.now
                ck_read(stream, Int64(stream.count))
                reads.append(Double(stream.count) * 4 / (clock.now - begin).inSeconds)
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

/// The model's own heads, timed.
private final class TimedDrafter: Drafter {
    private let heads: any Drafter
    var seconds = 0.0

    init(_ model: DecodeModel, _ pool: CachePool) { heads = model.makeDrafter(pool) }

    func advance(
        _ sequence: DecodingSequence, _ sources: [UnsafeMutablePointer<Float>], rows: Int, position: Int
    ) throws {
        try heads.advance(sequence, sources, rows: rows, position: position)
    }

    func propose(_ sequences: [DecodingSequence], counts: [Int]) throws {
        let begin = ContinuousClock().now
        try heads.propose(sequences, counts: counts)
        seconds = (ContinuousClock().now - begin).inSeconds
    }
}
