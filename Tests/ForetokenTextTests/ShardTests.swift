import Foundation
import Testing

@testable import ForetokenText

@Suite struct ShardTests {
    private func sample(in folder: TemporaryFolder) throws -> (URL, [[Int32]]) {
        let url = folder.url.appendingPathComponent("x.tokens")
        let documents: [[Int32]] = [[1, 2, 255], [], [0, 7]]
        let writer = try TokenShardWriter(url, tokenizer: ByteTokenizer())
        for document in documents { try writer.append(document) }
        try writer.finish()
        return (url, documents)
    }

    @Test func documentsComeBack() throws {
        let folder = try TemporaryFolder()
        let (url, documents) = try sample(in: folder)
        let shard = try TokenShard(contentsOf: url)
        #expect((0..<shard.documentCount).map(shard.document) == documents)
        #expect(shard.tokenCount == 5)
        #expect(shard.tokenWidth == 1)
        #expect(throws: Never.self) { try shard.requireTokenizer(ByteTokenizer()) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["x.tokens"])
    }

    @Test func specialAndForeignTokensAreNotStored() throws {
        let folder = try TemporaryFolder()
        let url = folder.url.appendingPathComponent("x.tokens")
        let writer = try TokenShardWriter(url, tokenizer: ByteTokenizer())
        for token: Int32 in [256, 257, 258, -1] {
            #expect(throws: ShardError.unstorable(file: url.relativePath, token: token)) {
                try writer.append([1, token])
            }
        }
    }

    @Test func shardsOfAnotherTokenizerAreRefused() throws {
        struct Other: Tokenizer {
            var name: String { "other" }
            var vocabularySize: Int { 258 }
            var beginningOfText: Int32? { nil }
            var endOfText: Int32? { nil }
            var digest: String { String(repeating: "0", count: 64) }
            var definition: [UInt8] { [] }
            func encode(_ bytes: [UInt8]) -> [Int32] { [] }
            func bytes(of token: Int32) -> [UInt8] { [] }
        }
        let folder = try TemporaryFolder()
        let shard = try TokenShard(contentsOf: sample(in: folder).0)
        #expect(throws: ShardError.self) { try shard.requireTokenizer(Other()) }
    }

    @Test func truncatedForeignAndDamagedFilesAreRefusedByName() throws {
        let folder = try TemporaryFolder()
        let whole = try Data(contentsOf: sample(in: folder).0)
        let url = folder.url.appendingPathComponent("bad.tokens")
        func refused(_ data: Data) throws {
            try data.write(to: url)
            let error = #expect(throws: ShardError.self) { try TokenShard(contentsOf: url) }
            #expect(error?.description.contains("bad.tokens") == true)
        }
        for tenth in 0..<10 { try refused(whole.prefix(whole.count * tenth / 10)) }
        try refused(whole + [0])
        try refused(Data((0..<500).map { UInt8($0 * 7 % 256) }))
        // Tokens, documents, an offset: each as large as 64 bits allow.
        for place in [16, 24, whole.count - 8, whole.count - 24] {
            var damaged = whole
            damaged.replaceSubrange(place..<(place + 8), with: [UInt8](repeating: 0xFF, count: 8))
            try refused(damaged)
        }
        var width = whole
        width[12] = 3
        try refused(width)
        #expect(throws: ShardError.self) { try TokenShard(contentsOf: folder.url.appendingPathComponent("none")) }
    }

    @Test func hashesEqualTheStandardsVectors() {
        #expect(SHA256.hex(of: []) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(SHA256.hex(of: Array("abc".utf8)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            SHA256.hex(of: [UInt8](repeating: 97, count: 1_000_000))
                == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    @Test func textIsNeverSplitInsideACharacter() {
        let texts = ["aé€😀z", "\u{0301}e", "日本語"].map { Array($0.utf8) }
        let broken: [[UInt8]] = [
            [0xFF, 0x41], [0xE2, 0x82], [0xF0, 0x9F, 0x41], [0xC0, 0x80], [0xED, 0xA0, 0x80, 0x41],
            [0x80, 0xE2, 0x82, 0xAC],
        ]
        for bytes in texts + broken {
            for split in 0...bytes.count {
                var decoder = UTF8StreamDecoder()
                let parts = [
                    decoder.push(Array(bytes[..<split])), decoder.push(Array(bytes[split...])), decoder.finish(),
                ]
                #expect(parts.joined() == String(decoding: bytes, as: UTF8.self))
                if String(validating: bytes, as: UTF8.self) != nil { #expect(!parts.joined().contains("\u{FFFD}")) }
            }
        }
    }
}

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
        // Fewer files: what is left stays on its side.
        for index in 0..<100 {
            try FileManager.default.removeItem(at: folder.url.appendingPathComponent("src/deep/f\(index).py"))
        }
        let second = folder.url.appendingPathComponent("second")
        _ = try preparation.run(into: second, tokenizer: ByteTokenizer())
        #expect(try documents(second, "validation.tokens").isSubset(of: held))
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
