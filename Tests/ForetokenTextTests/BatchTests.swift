import Foundation
import TestSupport
import Testing

@testable import ForetokenText

private func shard(_ documents: [[Int32]], in folder: TemporaryFolder, name: String) throws -> TokenShard {
    let url = folder.url.appendingPathComponent(name)
    let writer = try TokenShardWriter(url, tokenizer: ByteTokenizer())
    for document in documents { try writer.append(document) }
    try writer.finish()
    return try TokenShard(contentsOf: url)
}

private let corpora: [[[Int32]]] = [
    [[1]], [[1, 2, 3]], [[], [1], [], [2, 3], []], [[1, 2, 3, 4, 5, 6, 7], [8, 9], [10], [], [11, 12, 13, 14]],
]

@Suite struct BatchTests {
    @Test(arguments: corpora, [1, 2, 3, 7, 50])
    func everyTargetOfTheCorpusAppearsOnceAndNoneCrossesADocument(corpus: [[Int32]], context: Int) throws {
        let folder = try TemporaryFolder()
        let middle = corpus.count / 2
        let shards = [
            try shard(Array(corpus[..<middle]), in: folder, name: "a.tokens"),
            try shard(Array(corpus[middle...]), in: folder, name: "b.tokens"),
        ]
        let packed = try PackedTokens(shards, tokenizer: ByteTokenizer())
        // The stream by hand.
        var stream: [(token: Int32, document: Int)] = []
        for (number, document) in corpus.enumerated() {
            stream += ([256] + document + [257]).map { ($0, number) }
        }
        #expect(packed.length == stream.count)
        for heads in 1...8 {
            let loader = BatchLoader(packed, sequenceLength: context, heads: heads, seed: 4)
            for head in 1...heads {
                var expected: [String: Int] = [:]
                for position in stream.indices where position + head < stream.count {
                    guard stream[position].document == stream[position + head].document else { continue }
                    // The last position of the stream is no input: it has no next token.
                    expected["\(stream[position].token)>\(stream[position + head].token)", default: 0] += 1
                }
                for shuffled in [false, true] {
                    var found: [String: Int] = [:]
                    for sequence in 0..<loader.sequenceCount {
                        let batch =
                            shuffled
                            ? loader.batch(startingAt: sequence, count: 1)
                            : loader.sequentialBatch(startingAt: sequence, count: 1)
                        for (input, target) in zip(batch.inputs(), batch.targets(head: head)) where target >= 0 {
                            found["\(input)>\(target)", default: 0] += 1
                        }
                        #expect(batch.validTargets(head: head) == batch.targets(head: head).count { $0 >= 0 })
                    }
                    #expect(found == expected)
                }
            }
        }
    }

    @Test func masksAndPaddingAreNoTargets() {
        var batch = TokenBatch(
            batchSize: 1, sequenceLength: 2, heads: 2, tokens: [1, 2, 3, 4], documents: [0, 0, 0, -1])
        #expect(batch.targets(head: 1) == [2, 3])
        #expect(batch.targets(head: 2) == [3, TokenBatch.ignored])
        batch.lossMask[2] = false
        #expect(batch.targets(head: 1) == [2, TokenBatch.ignored])
    }

    @Test(arguments: [1, 2, 3, 7, 64, 1000, 65_537])
    func everyEpochIsAPermutation(count: Int) {
        let order = SequenceOrder(seed: 9, count: count)
        let first = (0..<count).map(order.sequence(at:))
        let second = (count..<(2 * count)).map(order.sequence(at:))
        #expect(first.sorted() == Array(0..<count))
        #expect(second.sorted() == Array(0..<count))
        if count >= 64 {
            #expect(first != second)
            #expect(first != (0..<count).map(SequenceOrder(seed: 10, count: count).sequence(at:)))
        }
    }

    @Test func loopsAreFoundAndOrdinaryTextIsNot() {
        let varied = (0..<200).map { Int32($0 * $0 % 97) }
        #expect(LoopDetector.loop(in: varied) == nil)
        #expect(LoopDetector.loop(in: varied + [Int32](repeating: 3, count: 48))?.period == 1)
        let loop = (0..<90).map { Int32($0 % 20 + 1000) }
        #expect(LoopDetector.loop(in: varied + loop) == LoopReport(period: 20, length: 90))
        #expect(LoopDetector.loop(in: []) == nil)
    }
}
