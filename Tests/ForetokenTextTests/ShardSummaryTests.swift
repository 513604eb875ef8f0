import ForetokenFiles
import Foundation
import TestSupport
import Testing

@testable import ForetokenText

struct ShardSummaryTests {
    private func shard(_ documents: [[Int32]], in folder: TemporaryFolder) throws -> TokenShard {
        let url = folder.url.appendingPathComponent("x.tokens")
        let writer = try TokenShardWriter(url, tokenizer: ByteTokenizer())
        for document in documents { try writer.append(document) }
        try writer.finish()
        return try TokenShard(contentsOf: url)
    }

    @Test func lengthsAndExcerptAreThoseOfTheDocuments() throws {
        let folder = try TemporaryFolder()
        let documents = ["hello, world", "", "a\u{1B}[2J"].map { ByteTokenizer().encode(Array($0.utf8)) }
        let shard = try shard(documents, in: folder)
        let summary = try ShardSummary(shard)
        #expect(summary.lengths == [0, 5, 12] && summary.emptyDocuments == 1)
        #expect([0, 0.5, 1].map(summary.length(quantile:)) == [0, 5, 12])
        // The document of median length, whose escape character would reach the terminal.
        #expect(summary.document == 2 && summary.excerpt == "a\u{FFFD}[2J")
        #expect(try ShardSummary(shard, document: 0).excerpt == "hello, world")
        let error = #expect(throws: ShardSummary.NoSuchDocument.self) { try ShardSummary(shard, document: 3) }
        #expect("\(try #require(error))".contains("there is no document 3; it has 3"))
    }

    @Test func promptsAreTheBeginningsOfLongEnoughDocuments() throws {
        let folder = try TemporaryFolder()
        let shard = try shard([[1, 2, 3], [4], [5, 6], [7, 8]], in: folder)
        #expect(shard.prompts(2, length: 2, beginning: [0]) == [[0, 1, 2], [0, 5, 6]])
        #expect(shard.prompts(9, length: 3, beginning: []) == [[1, 2, 3]])
        #expect(shard.prompts(9, length: 4, beginning: []).isEmpty)
    }
}
