internal import CKernels
import ForetokenModel
import ForetokenText

/// The duration of decoding passes of several widths, measured in alternation.
public struct DecodeBenchmark: Sendable {
    /// Passes of one width.
    public struct Width: Sendable {
        /// Tokens per sequence in a pass.
        public let tokens: Int
        /// Median seconds of a pass.
        public let seconds: Double
        /// Bytes of weights ÷ seconds.
        public let bytesPerSecond: Double
        /// Tokens of all the pass's sequences ÷ seconds.
        public let tokensPerSecond: Double
    }

    /// The measured widths, in the order requested.
    public let widths: [Width]
    /// Sequences in each pass.
    public let batch: Int
    /// Bytes of weights that a next-token pass reads.
    public let bytesPerPass: Int
    /// Seconds of drafting with all heads after a pass; 0 for a model of one head.
    public let draftSeconds: Double
    /// Sequential read bandwidth in bytes per second on the same threads, measured in alternation with the passes; nil if the
    /// weights fit the CPU's caches or lie on a GPU.
    public let streamRate: Double?

    /// Measures passes at position `filled`, repeated for about `seconds` in all.
    ///
    /// - Parameters:
    ///   - model: the model.
    ///   - passWidths: tokens per sequence in a pass.
    ///   - filled: tokens already in the cache.
    ///   - batch: sequences in a pass.
    ///   - seconds: approximate duration of the measurement.
    /// - Throws: ``DecodingError``, ``DecodingError/outOfMemory(_:)``.
    public init(_ model: DecodeModel, passWidths: [Int], filled: Int, batch: Int = 1, seconds: Double) throws {
        let longest = passWidths.max() ?? 1
        guard passWidths.allSatisfy({ (1...DecodeEngine.promptRows).contains($0) }) else {
            throw DecodingError.invalid("a pass has 1 to \(DecodeEngine.promptRows) tokens")
        }
        let context = model.configuration.contextLength
        guard filled >= 1, filled + longest < context else {
            throw DecodingError.promptTooLong(tokens: filled + longest, contextLength: context)
        }
        let allocator = BlockAllocator(model)
        let drafter = TimedDrafter(model, allocator)
        let engine = DecodeEngine(model, allocator: allocator, drafter: drafter)
        let vocabulary = Int32(model.configuration.vocabulary)
        func tokens(_ count: Int) -> [Int32] {
            (0..<count).map { Int32(truncatingIfNeeded: $0 * 7919 + 11) % vocabulary }
        }
        let heads = model.configuration.heads
        let request = GenerationRequest(
            prompt: tokens(filled), maximumTokens: context, heads: heads, sampler: Sampler(temperature: 0))
        let base = try DecodingSequence(model, request, tokenizer: ByteTokenizer(), allocator: engine.allocator)
        while base.isPrefilling { try engine.step([base]) }

        let bytes = model.bytesRead(heads: 1)
        let stream = bytes > 1 << 28 && model.backend is CPUBackend ? [Float](repeating: 1, count: 1 << 28) : []
        var times = [[Double]](repeating: [], count: passWidths.count)
        var drafts: [Double] = []
        var reads: [Double] = []
        let clock = ContinuousClock()
        let end = clock.now + .seconds(seconds)
        repeat {
            for (index, width) in passWidths.enumerated() {
                // Every pass starts at the same position and verifies arbitrary drafts.
                let sequences = try (0..<batch).map { _ in
                    let sequence = try DecodingSequence(model, forking: base, request, length: filled - 1)
                    sequence.drafts = tokens(width - 1)
                    return sequence
                }
                drafter.seconds = 0
                let begin = clock.now
                try engine.step(sequences)
                times[index].append((clock.now - begin).inSeconds - drafter.seconds)
                if drafter.seconds > 0 { drafts.append(drafter.seconds) }
            }
            if !stream.isEmpty {
                let begin = clock.now
                ck_read(stream, Int64(stream.count))
                reads.append(Double(stream.count) * 4 / (clock.now - begin).inSeconds)
            }
        } while clock.now < end || times[0].count < 5
        func median(_ values: [Double]) -> Double { values.isEmpty ? 0 : values.sorted()[values.count / 2] }
        widths = zip(passWidths, times).map { tokens, times in
            let seconds = median(times)
            return Width(
                tokens: tokens, seconds: seconds, bytesPerSecond: Double(bytes) / seconds,
                tokensPerSecond: Double(batch * tokens) / seconds)
        }
        (self.batch, bytesPerPass) = (batch, bytes)
        draftSeconds = median(drafts)
        streamRate = reads.isEmpty ? nil : median(reads)
    }
}

/// The model's own heads, timed.
private final class TimedDrafter: Drafter {
    private let heads: any Drafter
    var seconds = 0.0

    init(_ model: DecodeModel, _ allocator: BlockAllocator) { heads = model.makeDrafter(allocator) }

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
