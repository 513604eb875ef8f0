import Foundation
import TestSupport
import Testing

@testable import ForetokenText

@Suite struct PreparationTests {
    private func corpus() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        let source = folder.url.appendingPathComponent("src")
        try FileManager.default.createDirectory(
            at: source.appendingPathComponent("deep"), withIntermediateDirectories: true)
        for index in 0..<200 {
            try Data("print(\(index))\n".utf8).write(to: source.appendingPathComponent("deep/f\(index).py"))
        }
        try Data("print(1)\n".utf8).write(to: source.appendingPathComponent("copy.py"))
        try Data([0x41, 0, 0x42]).write(to: source.appendingPathComponent("binary.py"))
        try Data([0xFF, 0xFE, 0x42]).write(to: source.appendingPathComponent("latin.py"))
        try Data().write(to: source.appendingPathComponent("empty.py"))
        try Data(repeating: 0x41, count: 2 << 20).write(to: source.appendingPathComponent("huge.py"))
        try Data("no".utf8).write(to: source.appendingPathComponent("other.txt"))
        symlink(source.path, source.appendingPathComponent("deep/loop").path)
        return folder
    }

    @Test func badFilesAreSkippedAndCountedAndTheSplitDependsOnContentOnly() throws {
        let folder = try corpus()
        var preparation = CorpusPreparation(
            inputs: [folder.url.appendingPathComponent("src")], fileExtensions: ["py"])
        preparation.validationFraction = 0.2
        let out = folder.url.appendingPathComponent("out")
        let report = try preparation.run(into: out, tokenizer: ByteTokenizer())
        #expect(report.skipped == ["duplicates": 1, "binary": 1, "not UTF-8": 1, "empty": 1, "too large": 1])
        #expect(report.trainDocuments + report.validationDocuments == 200)
        #expect((20...60).contains(report.validationDocuments))
        func documents(_ folder: URL, _ name: String) throws -> Set<[Int32]> {
            let shard = try TokenShard(contentsOf: folder.appendingPathComponent(name))
            return Set((0..<shard.documentCount).map(shard.document))
        }
        let held = try documents(out, "validation.tokens")
        #expect(try documents(out, "train.tokens").isDisjoint(with: held))
        // With fewer files, the remaining documents stay in their split.
        for index in 0..<100 {
            try FileManager.default.removeItem(at: folder.url.appendingPathComponent("src/deep/f\(index).py"))
        }
        let second = folder.url.appendingPathComponent("second")
        _ = try preparation.run(into: second, tokenizer: ByteTokenizer())
        #expect(try documents(second, "validation.tokens").isSubset(of: held))
    }

    @Test func documentsWithBytesThatTheTokenizerLacksAreSkippedAndCounted() throws {
        let folder = try corpus()
        let source = folder.url.appendingPathComponent("src")
        try Data("a\u{4}b\n".utf8).write(to: source.appendingPathComponent("control.py"))
        var preparation = CorpusPreparation(inputs: [source], fileExtensions: ["py"])
        preparation.validationFraction = 0.2
        let report = try preparation.run(
            into: folder.url.appendingPathComponent("out"), tokenizer: TokenizerFixtures.tokenizer("smollm"))
        #expect(report.skipped["with bytes that the tokenizer lacks"] == 1)
        #expect(report.trainDocuments + report.validationDocuments == 200)
    }

    @Test func aCorpusOfNothingIsAClearError() throws {
        let folder = try corpus()
        let missing = CorpusPreparation(inputs: [folder.url.appendingPathComponent("nowhere")])
        #expect(throws: PreparationError.self) { try missing.run(into: folder.url, tokenizer: ByteTokenizer()) }
        let empty = CorpusPreparation(inputs: [folder.url.appendingPathComponent("src/binary.py")])
        let error = #expect(throws: PreparationError.self) {
            try empty.run(into: folder.url, tokenizer: ByteTokenizer())
        }
        #expect(error?.description.contains("1 binary") == true)
    }

    @Test func aSizeLimitKeepsAFairSample() throws {
        let folder = try corpus()
        var preparation = CorpusPreparation(inputs: [folder.url.appendingPathComponent("src/deep")])
        preparation.maximumBytes = 1000
        preparation.validationFraction = 0
        let report = try preparation.run(into: folder.url, tokenizer: ByteTokenizer())
        #expect((500...1500).contains(report.trainBytes))
    }
}
