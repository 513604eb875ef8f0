import ForetokenFiles
import Foundation
import TestSupport
import Testing

@testable import ForetokenText

@Suite struct TokenizerFormatTests {
    /// A vocabulary of as many tokens as GPT-2's: all bytes, then pairs of earlier tokens.
    private static let words: [[UInt8]] = {
        var generator = SplitMix64(seed: 12)
        var words = (UInt8.min ... .max).map { [$0] }
        var known = Set(words)
        let letters = Array("etaoinsh".utf8).map { Int($0) }
        var common = letters
        while words.count < 50_256 {
            func pick() -> [UInt8] {
                words[
                    Bool.random(using: &generator)
                        ? common.randomElement(using: &generator) ?? 0
                        : Int.random(in: 0..<words.count, using: &generator)]
            }
            let word = pick() + pick()
            guard word.count <= 12, known.insert(word).inserted else { continue }
            if common.count < 2000, word.allSatisfy({ (0x61...0x7A).contains($0) }) { common.append(words.count) }
            words.append(word)
        }
        return words
    }()

    private static func file(_ words: [[UInt8]], separator: String = "\n") -> [UInt8] {
        Array(words.enumerated().map { "\(Data($1).base64EncodedString()) \($0)" }.joined(separator: separator).utf8)
            + Array(separator.utf8)
    }

    /// tiktoken's algorithm: a word that is a token is that token; else the pair of parts that make the token of lowest rank is
    /// joined, the leftmost of equal ones.
    private static func expected(_ word: ArraySlice<UInt8>, _ ranks: [[UInt8]: Int]) -> [Int32] {
        var parts = word.map { [$0] }
        if let rank = ranks[Array(word)] { return [Int32(rank)] }
        while true {
            let pairs = zip(parts, parts.dropFirst()).enumerated().compactMap { index, pair in
                ranks[pair.0 + pair.1].map { (rank: $0, index: index) }
            }
            guard let best = pairs.min(by: { ($0.rank, $0.index) < ($1.rank, $1.index) }) else { break }
            parts[best.index] += parts.remove(at: best.index + 1)
        }
        return parts.compactMap { ranks[$0].map(Int32.init) }
    }

    @Test func tiktokenVocabulariesEncodeAsTiktokenDoes() throws {
        let words = Self.words
        let tokenizer = try #require(
            TokenizerFile.tokenizer(parsing: Self.file(words), file: "tokenizer.model") as? BytePairTokenizer)
        #expect(tokenizer.vocabularySize == 50_257 && tokenizer.endOfText == 50_256 && tokenizer.beginningOfText == nil)
        #expect(tokenizer.preTokenizer == .gpt2 && tokenizer.ignoresMerges)
        let ranks = Dictionary(uniqueKeysWithValues: words.enumerated().map { ($1, $0) })
        var generator = SplitMix64(seed: 2)
        let letters = Array("etaoinsh   1'\n\u{E9}".utf8)
        for _ in 0..<2000 {
            let text = (0..<Int.random(in: 1...40, using: &generator)).map { _ in
                letters.randomElement(using: &generator) ?? 0
            }
            let expected = PreTokenizer.gpt2.words(of: text).flatMap { Self.expected(text[$0], ranks) }
            #expect(tokenizer.encode(text) == expected, "\(String(decoding: text, as: UTF8.self))")
        }
        // What is stored with models is a tokenizer.json that reads as the same tokenizer.
        let copy = try BytePairTokenizer(parsing: tokenizer.definition, file: "t.json")
        #expect(copy.digest == tokenizer.digest && tokenizer.definitionName == "tokenizer.json")
        #expect(
            try TokenizerFile.tokenizer(parsing: Self.file(words, separator: "\r\n"), file: "x").digest
                == tokenizer.digest)
    }

    @Test(arguments: [
        ("IQ== 0\nIg== 1\n", "a tiktoken vocabulary: 2 ranks is not supported"),
        ("IQ== 0\nIg== 2\n", "line 2: rank 2, expected 1"),
        ("IQ== 0\nIQ== 1\n", "line 2: a duplicate token"), ("IQ== 0\nIg= 1\n", "line 2: expected a token in base64"),
        ("IQ== 0\nIg== 1 2\n", "line 2: expected a token"), ("IQ== 0\n\nnonsense\n", "line 3: expected a token"),
        ("", "an empty file, not a tokenizer"), ("GGUF\u{3}\u{0}", "a model in GGUF format, not a tokenizer"),
        ("version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        ("#version: 0.2\na b\n", "a list of merges"),
        ("PK\u{3}\u{4}xxxx", "a compressed archive"), ("\u{1}\u{2}", "an unknown format"),
        ("hello", "t:1:1: not valid JSON"),
        (#"{"config":{"default_vocab_size":5},"vocab":[]}"#, "Mistral's Tekken format"),
        ("{}", "t: decoder.type: missing"),
        ("{\"model\":", "not valid JSON"),
    ])
    func otherFilesAreToldWhatTheyAre(text: String, message: String) {
        let error = #expect(throws: (any Error).self) {
            try TokenizerFile.tokenizer(parsing: Array(text.utf8), file: "t")
        }
        #expect(error.map { "\($0)".contains(message) } == true, "\(error.map { "\($0)" } ?? "")")
    }

    @Test func theContentsDecideNotTheName() throws {
        let folder = try TemporaryFolder()
        func write(_ bytes: [UInt8], _ name: String) throws -> URL {
            let url = folder.url.appendingPathComponent(name)
            try Data(bytes).write(to: url)
            return url
        }
        let json = try write(TokenizerFixtures.bytes("qwen2.json"), "my.model")
        #expect(try TokenizerFile.read(json).digest == (try TokenizerFixtures.tokenizer("qwen2")).digest)
        let model = Bundle.module.bundleURL.appendingPathComponent("Fixtures/sentencepiece/bpe.model")
        let bytes = try Array(Data(contentsOf: model))
        #expect(try TokenizerFormat(bytes, file: "x") == .sentencePiece)
        for name in ["tokenizer.model.v3", "a.json"] {
            let url = try write(bytes, name)
            #if SentencePiece
                #expect(try TokenizerFile.read(url) is SentencePieceTokenizer)
            #else
                let error = #expect(throws: TokenizerError.self) { try TokenizerFile.read(url) }
                #expect(error == .withoutSentencePiece(file: url.relativePath))
            #endif
        }
        #expect(TokenizerFile.fileName(in: folder.url) == "tokenizer.model.v3")
        _ = try write([], "qwen.tiktoken")
        _ = try write([], "mistral.tokenizer.model.v7")
        #expect(TokenizerFile.fileName(in: folder.url) == "tokenizer.model.v3")
        _ = try write([], "tokenizer.model")
        #expect(TokenizerFile.fileName(in: folder.url) == "tokenizer.model")
        _ = try write([], "tokenizer.json")
        #expect(TokenizerFile.fileName(in: folder.url) == "tokenizer.json")
    }

    @Test func definitionsAreReadAsTheyWereWritten() throws {
        var definition = TokenizerDefinition(
            spellings: ["a", "b", "ab", nil, "e\u{301}"], merges: [("a", "b")],
            addedTokens: [
                AddedToken(id: 3, content: Array("<s>".utf8), isSpecial: true),
                AddedToken(
                    id: 5, content: Array("é".utf8), isSpecial: false, isNormalized: true, takesSpaceAfter: true),
            ],
            preTokenizer: .smollm, framing: TextFraming(before: [3, 3], after: [5]))
        (definition.unknown, definition.isNormalizing, definition.ignoresMerges) = ("b", true, true)
        let read = try BytePairTokenizer(parsing: definition.text, file: "t.json")
        #expect(read.framing == definition.framing && Array(read.addedTokens) == definition.addedTokens)
        #expect(read.preTokenizer == .smollm && read.isNormalizing && read.ignoresMerges && read.vocabularySize == 6)
        #expect(read.encode("abxe\u{301} a", specialTokens: .parsed) == [2, 1, 5, 0])
    }

    @Test func survivesMutatedVocabularies() throws {
        var generator = SplitMix64(seed: 3)
        let original = Array(Self.file(Self.words).prefix(3000))
        for _ in 0..<2000 {
            var bytes = original.prefix(Int.random(in: 1...original.count, using: &generator)).map(\.self)
            for _ in 0..<Int.random(in: 0...4, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] =
                    Bool.random(using: &generator) ? .random(in: .min ... .max, using: &generator) : 0x3D
            }
            #expect(throws: (any Error).self) { try TokenizerFile.tokenizer(parsing: bytes, file: "t") }
        }
        // Any bytes are some format or none, and nothing traps.
        for _ in 0..<5000 {
            let common: [UInt8] = [0x0A, 0x0E, 0x12, 0x7B, 0x3D, 0x20, 0x31, 0x41]
            let bytes = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
                common.randomElement(using: &generator) ?? 0
            }
            #expect(throws: (any Error).self) { try TokenizerFile.tokenizer(parsing: bytes, file: "t") }
        }
    }
}
