/// Where training samples come from; every batch is a pure function of its index.
public protocol SampleSource: Sendable {
    /// Samples of an epoch.
    var sampleCount: Int { get }
    /// The samples of global indices `globalIndex ..< globalIndex + count`, in the shuffled order.
    func batch(startingAt globalIndex: Int, count: Int) -> TokenBatch
    /// Samples in the order of the text, for evaluation; fewer at the end.
    func sequentialBatch(startingAt sample: Int, count: Int) -> TokenBatch
    /// Asks the system to read samples that will be drawn soon; returns at once.
    func readAhead(startingAt globalIndex: Int, count: Int)
}

extension SampleSource {
    /// What lies in memory is there already.
    public func readAhead(startingAt globalIndex: Int, count: Int) {}
}

extension BatchLoader: SampleSource {}

/// Batches of whole examples: as many as fit are packed into a sample, in the file's order; none is split.
public struct SupervisedLoader: SampleSource {
    /// Samples of an epoch.
    public var sampleCount: Int { samples.count }
    /// Examples that were cut since they are longer than a sample.
    public let cutExamples: Int
    private let samples: [[SupervisedExample]]
    private let context: Int
    private let heads: Int
    private let filler: Int32
    private let order: SampleOrder

    /// - Parameters:
    ///   - examples: at least one.
    ///   - tokenizer: the model's.
    ///   - context: T; a sample takes T + 1 tokens, of which the last is a target only.
    ///   - heads: n.
    ///   - seed: decides the order.
    public init(
        _ examples: SupervisedExamples, tokenizer: any Tokenizer, context: Int, heads: Int, seed: UInt64
    ) {
        (self.context, self.heads, filler) = (context, heads, tokenizer.endOfText ?? 0)
        var samples: [[SupervisedExample]] = []
        var (room, cut) = (0, 0)
        for var example in examples.examples {
            if example.tokens.count > context + 1 {
                cut += 1
                example.tokens.removeLast(example.tokens.count - context - 1)
                example.isTarget.removeLast(example.isTarget.count - context - 1)
            }
            // What has nothing to learn is passed over.
            guard example.isTarget.contains(true) else { continue }
            if example.tokens.count > room {
                samples.append([])
                room = context + 1
            }
            samples[samples.count - 1].append(example)
            room -= example.tokens.count
        }
        self.samples = samples
        cutExamples = cut
        order = SampleOrder(seed: seed, sampleCount: max(1, samples.count))
    }

    /// See ``SampleSource/batch(startingAt:count:)``.
    public func batch(startingAt globalIndex: Int, count: Int) -> TokenBatch {
        batch((globalIndex..<(globalIndex + count)).map(order.sample(at:)))
    }

    /// See ``SampleSource/sequentialBatch(startingAt:count:)``.
    public func sequentialBatch(startingAt sample: Int, count: Int) -> TokenBatch {
        batch(Array(sample..<min(sample + count, sampleCount)))
    }

    private func batch(_ indices: [Int]) -> TokenBatch {
        let width = context + heads
        var tokens = [Int32](repeating: filler, count: indices.count * width)
        var documents = [Int32](repeating: -1, count: tokens.count)
        var mask = [Bool](repeating: false, count: tokens.count)
        for (row, index) in indices.enumerated() {
            var place = row * width
            for (document, example) in samples[index].enumerated() {
                for (token, isTarget) in zip(example.tokens, example.isTarget) {
                    (tokens[place], documents[place], mask[place]) = (token, Int32(document), isTarget)
                    place += 1
                }
            }
        }
        var batch = TokenBatch(
            batchSize: indices.count, context: context, heads: heads, tokens: tokens, documents: documents)
        batch.lossMask = mask
        return batch
    }
}
