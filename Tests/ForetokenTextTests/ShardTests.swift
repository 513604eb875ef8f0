import ForetokenFiles
import Foundation
import TestSupport
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

/// Thousands of randomly damaged shards, with a fixed seed: none crashes, and accepted ones can be read to the end.
@Suite struct ShardMutationTests {
    /// `FORETOKEN_MUTATIONS` sets the number of mutations, `FORETOKEN_MUTATION_SEED` the seed.
    private static func setting(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment["FORETOKEN_MUTATION" + name].flatMap(UInt64.init)
    }

    @Test func damagedShardsAreRefusedOrReadToTheirEnd() throws {
        let folder = try TemporaryFolder()
        let url = folder.url.appendingPathComponent("x.tokens")
        let writer = try TokenShardWriter(url, tokenizer: ByteTokenizer())
        for length in [3, 0, 40, 1] { try writer.append((0..<length).map { Int32($0) }) }
        try writer.finish()
        let original = try [UInt8](Data(contentsOf: url))
        let count = Self.setting("S") ?? 1000
        var random = SplitMix64(seed: Self.setting("_SEED") ?? 1)
        var accepted = 0
        for _ in 0..<count {
            var bytes = original
            for _ in 0..<Int.random(in: 1...3, using: &random) { Self.mutate(&bytes, &random) }
            try Data(bytes).write(to: url)
            let shard: TokenShard
            do {
                shard = try TokenShard(contentsOf: url)
            } catch {
                #expect(error.description.contains("x.tokens"))
                continue
            }
            accepted += 1
            #expect((0..<shard.documentCount).reduce(0) { $0 + shard.document($1).count } == shard.tokenCount)
            shard.readAhead(from: 0, count: shard.tokenCount)
            guard let packed = try? PackedTokens([shard], tokenizer: ByteTokenizer()) else { continue }
            let loader = BatchLoader(packed, sequenceLength: 7, heads: 2, seed: 1)
            #expect(loader.batch(startingAt: 0, count: loader.sequenceCount).tokens.count == loader.sequenceCount * 9)
            loader.readAhead(startingAt: 0, count: loader.sequenceCount)
        }
        // Damage to tokens only is accepted; if no shard were accepted, reading would not be tested.
        #expect(accepted > count / 50 && accepted < count * 9 / 10)
        if Self.setting("S") != nil { print("mutations: \(count) shards, \(accepted) accepted") }
    }

    private static func mutate(_ bytes: inout [UInt8], _ random: inout SplitMix64) {
        guard !bytes.isEmpty else { return }
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<6, using: &random) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 2: bytes.removeLast(Int.random(in: 0...bytes.count, using: &random))
        case 3:
            bytes.insert(contentsOf: [UInt8](repeating: 0, count: Int.random(in: 1...16, using: &random)), at: place)
        case 4: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...16, using: &random)))
        default:
            // A number of the header or an offset becomes large, small or negative.
            let at = min(place / 8 * 8, max(0, bytes.count - 8))
            let value = [0, 1, 255, 1 << 31, 1 << 40, 1 << 50, 1 << 62, UInt64.max].randomElement(using: &random) ?? 0
            withUnsafeBytes(of: value) {
                for (index, byte) in $0.enumerated() where at + index < bytes.count { bytes[at + index] = byte }
            }
        }
    }
}
