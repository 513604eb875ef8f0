import ForetokenFiles

/// A source of training data with its weight in the mixture.
public struct WeightedTokens: Sendable {
    /// The token stream.
    public let tokens: PackedTokens
    /// The source's share of the sequences, relative to the weights of the others.
    public let weight: Double

    /// Creates a source. `weight`: positive and finite.
    public init(_ tokens: PackedTokens, weight: Double) {
        self.tokens = tokens
        self.weight = weight
    }
}

/// Cuts packed token streams into batches of sequences. Every batch is a pure function of its index.
///
/// Each source has its own shuffled order per epoch: a sequence is repeated only after all others of its source were used.
public struct BatchLoader: Sendable {
    /// The smallest share of the sequences that a source can have.
    public static let smallestShare = SourceMix.smallestShare
    /// The maximum number of sources.
    public static let mostSources = 256

    /// The number of sequences in an epoch of all sources. Sequence s of a source covers the positions s·T to s·T + T + n, so every
    /// token except the stream's first is a target of head 1 exactly once.
    public let sequenceCount: Int
    private struct Source {
        let tokens: PackedTokens
        let order: SequenceOrder
        let sequenceCount: Int
    }
    private let sources: [Source]
    private let mix: SourceMix
    private let sequenceLength: Int
    private let heads: Int

    /// Creates a loader of a single source.
    ///
    /// - Parameters:
    ///   - tokens: the token stream.
    ///   - sequenceLength: T, the sequence length.
    ///   - heads: n, the number of prediction heads.
    ///   - seed: the seed of the shuffled order.
    public init(_ tokens: PackedTokens, sequenceLength: Int, heads: Int, seed: UInt64) {
        self.init(mixing: [WeightedTokens(tokens, weight: 1)], sequenceLength: sequenceLength, heads: heads, seed: seed)
    }

    /// Creates a loader of a mixture of at most ``mostSources`` sources, each with at least ``smallestShare`` of the total weight.
    public init(mixing sources: [WeightedTokens], sequenceLength: Int, heads: Int, seed: UInt64) {
        self.sequenceLength = sequenceLength
        self.heads = heads
        self.sources = sources.enumerated().map { index, source in
            let count = max(1, (source.tokens.length - 1 + sequenceLength - 1) / sequenceLength)
            // The first source uses the seed unchanged, so that a single source has the same order with either initialiser.
            let seed = index == 0 ? seed : SplitMix64.mix(seed ^ SplitMix64.mix(UInt64(index)))
            return Source(
                tokens: source.tokens, order: SequenceOrder(seed: seed, count: count), sequenceCount: count)
        }
        mix = SourceMix(weights: sources.map(\.weight))
        sequenceCount = self.sources.reduce(0) { $0 + $1.sequenceCount }
    }

    /// The sequences with global indices `globalIndex ..< globalIndex + count`, in the shuffled order.
    public func batch(startingAt globalIndex: Int, count: Int) -> TokenBatch {
        batch((globalIndex..<(globalIndex + count)).map(sequence(at:)))
    }

    /// Sequences in the order of the sources, for evaluation; fewer than `count` at the end.
    public func sequentialBatch(startingAt first: Int, count: Int) -> TokenBatch {
        batch(
            (first..<max(first, min(first + count, sequenceCount))).map { index in
                var (source, sequence) = (0, index)
                while sequence >= sources[source].sequenceCount {
                    sequence -= sources[source].sequenceCount
                    source += 1
                }
                return (source, sequence)
            })
    }

    /// Starts reading the sequences with these global indices from disk in advance; does not block.
    public func readAhead(startingAt globalIndex: Int, count: Int) {
        for index in globalIndex..<(globalIndex + count) {
            let (source, sequence) = sequence(at: index)
            sources[source].tokens.readAhead(from: sequence * sequenceLength, count: sequenceLength + heads)
        }
    }

    /// The number of epochs of each source after `count` sequences of the mixture.
    public func epochs(afterSequences count: Int) -> [Double] {
        zip(mix.counts(ofFirst: count), sources).map { Double($0) / Double($1.sequenceCount) }
    }

    /// The source, and the sequence in it, at a global index.
    func sequence(at globalIndex: Int) -> (source: Int, sequence: Int) {
        let (source, index) = mix.source(at: globalIndex)
        return (source, sources[source].order.sequence(at: index))
    }

    private func batch(_ sequences: [(source: Int, sequence: Int)]) -> TokenBatch {
        let width = sequenceLength + heads
        var tokenValues = [Int32](repeating: 0, count: sequences.count * width)
        var documentValues = tokenValues
        tokenValues.withUnsafeMutableBufferPointer { tokenBuffer in
            documentValues.withUnsafeMutableBufferPointer { documentBuffer in
                for (row, (source, sequence)) in sequences.enumerated() {
                    let range = (row * width)..<((row + 1) * width)
                    sources[source].tokens.fill(
                        from: sequence * sequenceLength,
                        tokens: UnsafeMutableBufferPointer(rebasing: tokenBuffer[range]),
                        documents: UnsafeMutableBufferPointer(rebasing: documentBuffer[range]))
                }
            }
        }
        return TokenBatch(
            batchSize: sequences.count, sequenceLength: sequenceLength, heads: heads, tokens: tokenValues,
            documents: documentValues)
    }
}
