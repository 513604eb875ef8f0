import Foundation
import TestSupport
import Testing

@testable import ForetokenText

@Suite struct MixtureTests {
    private static let weights: [[Double]] = [
        [1], [1, 1], [3, 1], [0.7, 0.2, 0.1], [5, 4, 3, 2, 1], [1000, 1, 1], [1, 1e-3, 0.37, 0.11, 2, 2, 2],
        (1...40).map { Double($0 * $0 % 17 + 1) },
    ]

    /// In every prefix, the count of each source differs from its share by less than one sequence.
    @Test(arguments: weights) func everyBeginningHasTheMixturesProportions(weights: [Double]) {
        let mix = SourceMix(weights: weights)
        let total = weights.reduce(0, +)
        var counts = [Int](repeating: 0, count: weights.count)
        for index in 0..<(SourceMix.period + 5000) {
            let (source, rank) = mix.source(at: index)
            #expect(rank == counts[source])
            counts[source] += 1
            guard index % 97 == 0 || index < 2000 else { continue }
            // The pattern restarts after a period, so the deviations of two periods can add up.
            let allowed = index < SourceMix.period ? 1.0 : 2.0
            for (count, weight) in zip(counts, weights) {
                #expect(abs(Double(count) - weight / total * Double(index + 1)) < allowed)
            }
            #expect(mix.counts(ofFirst: index + 1) == counts)
        }
    }

    private func packed(_ folder: TemporaryFolder, _ name: String, documents: Int, first: Int32) throws -> PackedTokens
    {
        let url = folder.url.appendingPathComponent(name)
        let writer = try TokenShardWriter(url, tokenizer: ByteTokenizer())
        for document in 0..<documents { try writer.append([first, Int32(document), 1, 2, 3]) }
        try writer.finish()
        return try PackedTokens([TokenShard(contentsOf: url)], tokenizer: ByteTokenizer())
    }

    @Test func noSequenceIsRepeatedBeforeItsSourcesEpochEndsAndBatchesAreTheirSequences() throws {
        let folder = try TemporaryFolder()
        let sources = try [
            WeightedTokens(packed(folder, "a", documents: 30, first: 100), weight: 2),
            WeightedTokens(packed(folder, "b", documents: 11, first: 101), weight: 1),
            WeightedTokens(packed(folder, "c", documents: 3, first: 102), weight: 4),
        ]
        let loader = BatchLoader(mixing: sources, sequenceLength: 7, heads: 2, seed: 5)
        let sizes = sources.map { ($0.tokens.length - 1 + 6) / 7 }
        #expect(loader.sequenceCount == sizes.reduce(0, +))
        var seen = sizes.map { _ in Set<Int>() }
        for index in 0..<2000 {
            let (source, sequence) = loader.sequence(at: index)
            #expect((0..<sizes[source]).contains(sequence))
            #expect(seen[source].insert(sequence).inserted)
            if seen[source].count == sizes[source] { seen[source] = [] }
            // A loader of the source alone gives the same batch.
            let alone = BatchLoader(sources[source].tokens, sequenceLength: 7, heads: 2, seed: 0)
            #expect(loader.batch(startingAt: index, count: 1) == alone.sequentialBatch(startingAt: sequence, count: 1))
            loader.readAhead(startingAt: index, count: 1)
        }
        let epochs = loader.epochs(afterSequences: 7000)
        for (found, (share, size)) in zip(epochs, zip([2.0, 1, 4], sizes)) {
            #expect(abs(found - share * 1000 / Double(size)) < 1)
        }
        // In the order of the texts: all of a, then b, then c.
        let all = loader.sequentialBatch(startingAt: 0, count: 10_000)
        #expect(all.batchSize == loader.sequenceCount)
        #expect(all.tokens[1] == 100 && all.tokens[sizes[0] * 9 + 1] == 101)
    }

    /// A batch depends on its index only, not on the batches before it.
    @Test func aBatchDoesNotDependOnTheFirstIndexLoaded() throws {
        let folder = try TemporaryFolder()
        func loader() throws -> BatchLoader {
            BatchLoader(
                mixing: [
                    WeightedTokens(try packed(folder, "a", documents: 9, first: 9), weight: 0.3),
                    WeightedTokens(try packed(folder, "b", documents: 5, first: 8), weight: 0.9),
                ], sequenceLength: 4, heads: 3, seed: 77)
        }
        let (one, other) = try (loader(), loader())
        let long = one.batch(startingAt: 65_500, count: 90)
        for start in stride(from: 0, to: 90, by: 9) {
            let short = other.batch(startingAt: 65_500 + start, count: 9)
            #expect(short.tokens == Array(long.tokens[(start * 7)..<((start + 9) * 7)]))
        }
    }

    /// A single source has the order of its permutation, as in versions without mixtures.
    @Test func oneSourceAloneIsInItsOwnOrder() throws {
        let folder = try TemporaryFolder()
        let text = try packed(folder, "a", documents: 40, first: 1)
        let loader = BatchLoader(mixing: [WeightedTokens(text, weight: 0.25)], sequenceLength: 6, heads: 2, seed: 3)
        let order = SequenceOrder(seed: 3, count: loader.sequenceCount)
        for index in 0..<(3 * loader.sequenceCount) {
            #expect(loader.sequence(at: index) == (0, order.sequence(at: index)))
        }
    }
}
