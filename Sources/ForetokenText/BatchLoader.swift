import ForetokenFiles

/// A text to train on and its part in the mixture.
public struct WeightedTokens: Sendable {
    /// The text.
    public let tokens: PackedTokens
    /// Its share of the samples, relative to the others'.
    public let weight: Double

    /// `weight`: positive and finite.
    public init(_ tokens: PackedTokens, weight: Double) {
        self.tokens = tokens
        self.weight = weight
    }
}

/// Cuts packed streams into batches; every batch is a pure function of its index.
///
/// Of several sources each is walked in its own order, epoch after epoch: none of its samples comes again before all of
/// them came.
public struct BatchLoader: Sendable {
    /// The smallest share of the samples that a source can have.
    public static let smallestShare = SampleMix.smallestShare
    /// The most sources.
    public static let mostSources = 256

    /// Samples of an epoch of all sources: sample s of a source covers the positions s·T to s·T + T + n, so every token but
    /// the stream's first is head 1's target once.
    public let sampleCount: Int
    private struct Source {
        let tokens: PackedTokens
        let order: SampleOrder
        let sampleCount: Int
    }
    private let sources: [Source]
    private let mix: SampleMix
    private let context: Int
    private let heads: Int

    /// Batches of one text.
    ///
    /// - Parameters:
    ///   - tokens: the text.
    ///   - context: T.
    ///   - heads: n.
    ///   - seed: decides the order.
    public init(_ tokens: PackedTokens, context: Int, heads: Int, seed: UInt64) {
        self.init(mixing: [WeightedTokens(tokens, weight: 1)], context: context, heads: heads, seed: seed)
    }

    /// Batches of several texts; `sources`: at most ``mostSources``, none with less than ``smallestShare`` of the weights.
    public init(mixing sources: [WeightedTokens], context: Int, heads: Int, seed: UInt64) {
        self.context = context
        self.heads = heads
        self.sources = sources.enumerated().map { index, source in
            let count = max(1, (source.tokens.length - 1 + context - 1) / context)
            // The first keeps the seed as it is: alone it is in the order that it always had.
            let seed = index == 0 ? seed : SplitMix64.mix(seed ^ SplitMix64.mix(UInt64(index)))
            return Source(
                tokens: source.tokens, order: SampleOrder(seed: seed, sampleCount: count), sampleCount: count)
        }
        mix = SampleMix(weights: sources.map(\.weight))
        sampleCount = self.sources.reduce(0) { $0 + $1.sampleCount }
    }

    /// The samples of global indices `globalIndex ..< globalIndex + count`, in the shuffled order.
    public func batch(startingAt globalIndex: Int, count: Int) -> TokenBatch {
        batch((globalIndex..<(globalIndex + count)).map(sample(at:)))
    }

    /// Samples in the order of the text, for evaluation; fewer at the end.
    public func sequentialBatch(startingAt sample: Int, count: Int) -> TokenBatch {
        batch(
            (sample..<max(sample, min(sample + count, sampleCount))).map { sample in
                var (source, rest) = (0, sample)
                while rest >= sources[source].sampleCount {
                    rest -= sources[source].sampleCount
                    source += 1
                }
                return (source, rest)
            })
    }

    /// Asks the system to read the samples of these global indices, which will be drawn soon; returns at once.
    public func readAhead(startingAt globalIndex: Int, count: Int) {
        for index in globalIndex..<(globalIndex + count) {
            let (source, sample) = sample(at: index)
            sources[source].tokens.readAhead(from: sample * context, count: context + heads)
        }
    }

    /// How often each source has been seen whole after so many samples.
    public func epochs(afterSamples count: Int) -> [Double] {
        zip(mix.counts(ofFirst: count), sources).map { Double($0) / Double($1.sampleCount) }
    }

    /// The source and the sample in it at a global index.
    func sample(at globalIndex: Int) -> (source: Int, sample: Int) {
        let (source, index) = mix.place(at: globalIndex)
        return (source, sources[source].order.sample(at: index))
    }

    private func batch(_ samples: [(source: Int, sample: Int)]) -> TokenBatch {
        let width = context + heads
        var tokenValues = [Int32](repeating: 0, count: samples.count * width)
        var documentValues = tokenValues
        tokenValues.withUnsafeMutableBufferPointer { tokenBuffer in
            documentValues.withUnsafeMutableBufferPointer { documentBuffer in
                for (row, (source, sample)) in samples.enumerated() {
                    let range = (row * width)..<((row + 1) * width)
                    sources[source].tokens.fill(
                        from: sample * context, tokens: UnsafeMutableBufferPointer(rebasing: tokenBuffer[range]),
                        documents: UnsafeMutableBufferPointer(rebasing: documentBuffer[range]))
                }
            }
        }
        return TokenBatch(
            batchSize: samples.count, context: context, heads: heads, tokens: tokenValues, documents: documentValues)
    }
}
