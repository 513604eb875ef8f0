/// A source of training sequences. Every batch is a pure function of its index.
public protocol SequenceSource: Sendable {
    /// The number of sequences in an epoch.
    var sequenceCount: Int { get }
    /// The sequences with global indices `globalIndex ..< globalIndex + count`, in the shuffled order.
    func batch(startingAt globalIndex: Int, count: Int) -> TokenBatch
    /// Sequences in the order of the data, for evaluation; fewer than `count` at the end.
    func sequentialBatch(startingAt first: Int, count: Int) -> TokenBatch
    /// Starts reading sequences from disk in advance; does not block.
    func readAhead(startingAt globalIndex: Int, count: Int)
}

extension SequenceSource {
    /// Does nothing, for sources in memory.
    public func readAhead(startingAt globalIndex: Int, count: Int) {}
}

extension BatchLoader: SequenceSource {}

/// Batches of supervised examples. Examples are packed into sequences in the file's order without splitting any.
public struct SupervisedLoader: SequenceSource {
    /// The number of sequences in an epoch.
    public var sequenceCount: Int { sequences.count }
    /// The number of examples truncated because they are longer than a sequence.
    public let cutExamples: Int
    private let sequences: [[SupervisedExample]]
    private let sequenceLength: Int
    private let heads: Int
    private let paddingToken: Int32
    private let order: SequenceOrder

    /// Packs the examples.
    ///
    /// - Parameters:
    ///   - examples: at least one.
    ///   - tokenizer: the model's tokenizer.
    ///   - sequenceLength: T, the sequence length; a sequence holds T + 1 tokens, the last of which is only a target.
    ///   - heads: n, the number of prediction heads.
    ///   - seed: the seed of the shuffled order.
    public init(
        _ examples: SupervisedExamples, tokenizer: any Tokenizer, sequenceLength: Int, heads: Int, seed: UInt64
    ) {
        (self.sequenceLength, self.heads, paddingToken) = (sequenceLength, heads, tokenizer.endOfText ?? 0)
        var sequences: [[SupervisedExample]] = []
        var (room, cut) = (0, 0)
        for var example in examples.examples {
            if example.tokens.count > sequenceLength + 1 {
                cut += 1
                example.tokens.removeLast(example.tokens.count - sequenceLength - 1)
                example.isTarget.removeLast(example.isTarget.count - sequenceLength - 1)
            }
            // Examples without targets are skipped.
            guard example.isTarget.contains(true) else { continue }
            if example.tokens.count > room {
                sequences.append([])
                room = sequenceLength + 1
            }
            sequences[sequences.count - 1].append(example)
            room -= example.tokens.count
        }
        self.sequences = sequences
        cutExamples = cut
        order = SequenceOrder(seed: seed, count: max(1, sequences.count))
    }

    /// See ``SequenceSource/batch(startingAt:count:)``.
    public func batch(startingAt globalIndex: Int, count: Int) -> TokenBatch {
        batch((globalIndex..<(globalIndex + count)).map(order.sequence(at:)))
    }

    /// See ``SequenceSource/sequentialBatch(startingAt:count:)``.
    public func sequentialBatch(startingAt first: Int, count: Int) -> TokenBatch {
        batch(Array(first..<min(first + count, sequenceCount)))
    }

    private func batch(_ indices: [Int]) -> TokenBatch {
        let width = sequenceLength + heads
        var tokens = [Int32](repeating: paddingToken, count: indices.count * width)
        var documents = [Int32](repeating: -1, count: tokens.count)
        var mask = [Bool](repeating: false, count: tokens.count)
        for (row, index) in indices.enumerated() {
            var position = row * width
            for (document, example) in sequences[index].enumerated() {
                for (token, isTarget) in zip(example.tokens, example.isTarget) {
                    (tokens[position], documents[position], mask[position]) = (token, Int32(document), isTarget)
                    position += 1
                }
            }
        }
        var batch = TokenBatch(
            batchSize: indices.count, sequenceLength: sequenceLength, heads: heads, tokens: tokens, documents: documents
        )
        batch.lossMask = mask
        return batch
    }
}
