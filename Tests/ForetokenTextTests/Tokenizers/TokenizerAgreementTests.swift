import ForetokenFiles
import Foundation
import Testing

@testable import ForetokenText

/// The tokens equal those of Hugging Face's library for the same texts.
@Suite struct TokenizerAgreementTests {
    @Test(arguments: TokenizerFixtures.families)
    func tokensEqualHuggingFacesInEveryFamily(family: String) throws {
        let tokenizer = try TokenizerFixtures.tokenizer(family)
        for test in try TokenizerFixtures.cases() {
            let bytes = Array(test.text.utf8)
            let expected = try #require(test.tokens[family])
            #expect(tokenizer.encode(bytes) == expected, "\(test.name)")
            // The second time from the cache.
            #expect(tokenizer.encode(bytes) == expected, "\(test.name)")
            let special = tokenizer.encode(bytes, specialTokens: .parsed)
            #expect(special == test.tokens[family + "+special"] ?? expected, "\(test.name), special tokens allowed")
            let text = tokenizer.isNormalizing ? test.text.precomposedStringWithCanonicalMapping : test.text
            // Hugging Face's library also normalises inside added tokens; only their own text differs.
            guard Self.isEncodable(bytes, tokenizer) else { continue }
            #expect(tokenizer.decode(expected) == Array(text.utf8), "\(test.name)")
        }
    }

    private static func isEncodable(_ bytes: [UInt8], _ tokenizer: BytePairTokenizer) -> Bool {
        do throws(TokenizerError) { try tokenizer.checkEncodable(bytes) } catch { return false }
        return true
    }

    @Test func bytesWithoutATokenBecomeWhatTheyDoInHuggingFacesLibrary() throws {
        let file = String(decoding: try TokenizerFixtures.bytes("smollm.json"), as: UTF8.self)
        for test in try JSONNode(contentsOf: TokenizerFixtures.url("unknown.json")).array() {
            let unknown = try test["unk_token"].ifPresent?.string()
            let changed =
                file.replacingOccurrences(
                    of: #""unk_token":null"#, with: #""unk_token":\#(unknown.map { "\"\($0)\"" } ?? "null")"#
                )
                .replacingOccurrences(of: #""fuse_unk":false"#, with: #""fuse_unk":\#(try test["fuse_unk"].bool())"#)
            let tokenizer = try BytePairTokenizer(parsing: Array(changed.utf8), file: "t.json")
            let bytes = Array(try test["text"].string().utf8)
            #expect(tokenizer.encode(bytes) == (try test["ids"].array().map { Int32(try $0.integer()) }), "\(test)")
            #expect(Self.isEncodable(bytes, tokenizer) == (unknown != nil))
        }
    }

    @Test func aByteWithoutATokenIsSaid() throws {
        let tokenizer = try TokenizerFixtures.tokenizer("smollm")
        let error = #expect(throws: TokenizerError.self) { try tokenizer.checkEncodable(Array("see th\u{4}e".utf8)) }
        #expect(
            error?.description.hasPrefix("tokenizer 'bpe-700' has no token for the byte 0x04 in '") == true,
            "\(error as Any)")
        #expect(Self.isEncodable(Array("é 中 \u{1F44D} <|im_start|>\0".utf8), tokenizer))
        // 0xF5…0xFF are never in UTF-8, but may be in bytes that are not text.
        #expect(!Self.isEncodable([0x61, 0xFF], tokenizer))
        #expect(Self.isEncodable([0x61, 0xFF, 0xF1], try TokenizerFixtures.tokenizer("gpt2")))
    }

    /// The 13 numbers of Unicode 17 are digits to Rust, not letters to the pattern.
    @Test func digitsAreWordsAndEndTheTextBetweenThem() {
        for (text, words) in [
            ("a  12  \nb's 3rd", ["a", "  ", "1", "2", "  ", "\n", "b", "'s", " ", "3", "rd"]),
            ("²½ ٣", ["²", "½", " ", "٣"]),
            ("!\u{11DE0}\u{16FF4}?\u{11DDF}", ["!", "\u{11DE0}", "\u{16FF4}", "?\u{11DDF}"]),
        ] {
            let bytes = Array(text.utf8)
            #expect(PreTokenizer.smollm.words(of: bytes).map { String(decoding: bytes[$0], as: UTF8.self) } == words)
        }
    }

    @Test func characterClassesEqualHuggingFaces() throws {
        let fixture = try JSONNode(contentsOf: TokenizerFixtures.url("classes.json"))
        for (name, isIn) in [
            ("letter", { $0 == .letter }), ("number", { $0 == .number }), ("space", \.isSpace),
        ] as [(String, (CharacterClass) -> Bool)] {
            var ours: [ClosedRange<Int>] = []
            for value in 0...0x10FFFF {
                guard let scalar = Unicode.Scalar(UInt32(value)), isIn(CharacterClass(scalar)) else { continue }
                if let last = ours.last, last.upperBound == value - 1 {
                    ours[ours.count - 1] = last.lowerBound...value
                } else {
                    ours.append(value...value)
                }
            }
            let theirs = try fixture[name].array().map { pair in
                try pair.array()[0].integer()...pair.array()[1].integer()
            }
            #expect(ours == theirs, "\(name)")
        }
    }

    @Test func compositionEqualsHuggingFaces() throws {
        for pair in try JSONNode(contentsOf: TokenizerFixtures.url("composition.json")).array() {
            let (text, expected) = (try pair.array()[0].string(), try pair.array()[1].string())
            let composed = Array(text.utf8).withUnsafeBufferPointer(CanonicalComposition.compose)
            #expect(composed ?? Array(text.utf8) == Array(expected.utf8), "\(text.unicodeScalars.map(\.value))")
        }
    }

    @Test func compositionByRunsIsCompositionOfTheWhole() {
        var generator = SplitMix64(seed: 3)
        let alphabet = Array(
            "aeA\u{301}\u{308}\u{323}\u{345}é각\u{1100}\u{1161}\u{11A8}가中\u{958}क\u{93C}か\u{3099} \u{212B}\n"
                .unicodeScalars)
        for _ in 0..<3000 {
            var text = ""
            for _ in 0..<Int.random(in: 0...9, using: &generator) {
                text.unicodeScalars.append(alphabet.randomElement(using: &generator) ?? "a")
            }
            let bytes = Array(text.utf8)
            let composed = bytes.withUnsafeBufferPointer(CanonicalComposition.compose)
            let whole = text.decomposedStringWithCanonicalMapping.precomposedStringWithCanonicalMapping
            #expect(composed ?? bytes == Array(whole.utf8))
        }
    }

    @Test func rangesTakenAsStableNeverChangeNorJoin() {
        for value in CanonicalComposition.stable.joined() {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let text = String(scalar)
            #expect(scalar.properties.canonicalCombiningClass == .notReordered)
            #expect(Array(text.precomposedStringWithCanonicalMapping.unicodeScalars) == [scalar])
            #expect(CanonicalComposition.isStable(scalar))
        }
        for value: UInt32 in [0x300, 0x345, 0x3D4, 0x1100, 0x11A8, 0x2000, 0x2126, 0x3099, 0xF900, 0x1D15E] {
            #expect(Unicode.Scalar(value).map(CanonicalComposition.isStable) == false)
        }
    }

    @Test(arguments: TokenizerFixtures.families)
    func bytesThatAreNotUTF8AreKeptAndCutAsTheirReplacementWouldBe(family: String) throws {
        let tokenizer = try TokenizerFixtures.tokenizer(family)
        var generator = SplitMix64(seed: 1)
        let pieces: [[UInt8]] = [
            [0xFF], [0xE2, 0x82], [0xF0, 0x9F, 0x98], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90], [0x80], [0x61],
            [0x20], [0x0A], [0x31], [0xC3, 0xA9], [0xE4, 0xB8, 0xAD], [0x27, 0x73], [0xCC, 0x81],
        ]
        for _ in 0..<2000 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 1...12, using: &generator) {
                bytes += pieces.randomElement(using: &generator) ?? []
            }
            if !tokenizer.isNormalizing, Self.isEncodable(bytes, tokenizer) {
                #expect(tokenizer.decode(tokenizer.encode(bytes)) == bytes)
            }
            let replaced = Array(String(decoding: bytes, as: UTF8.self).utf8)
            func words(_ bytes: [UInt8]) -> [String] {
                tokenizer.preTokenizer.words(of: bytes).map { String(decoding: bytes[$0], as: UTF8.self) }
            }
            #expect(words(bytes) == words(replaced))
        }
    }

    @Test func wordsMergeTheSameInTheScanAndInTheQueue() throws {
        let tokenizer = try TokenizerFixtures.tokenizer("llama3")
        var generator = SplitMix64(seed: 2)
        let merges = try Self.mergeRanks(TokenizerFixtures.bytes("llama3.json"))
        for length in [1, 2, 63, 64, 65, 66, 200, 500] {
            // Only letters, so the text is one word.
            let word = (0..<length).map { _ in "etaoinsh".utf8.randomElement(using: &generator) ?? 0 }
            var parts = word.map { String(decoding: [$0], as: UTF8.self) }
            while let best = zip(parts, parts.dropFirst()).enumerated()
                .compactMap({ index, pair in merges[[pair.0, pair.1]].map { (rank: $0, index: index) } })
                .min(by: { ($0.rank, $0.index) < ($1.rank, $1.index) })?.index
            {
                parts[best] += parts.remove(at: best + 1)
            }
            let tokens = tokenizer.encode(word)
            if tokens.count > 1 || length > 20 {
                #expect(tokens.map { String(decoding: tokenizer.bytes(of: $0), as: UTF8.self) } == parts)
            }
        }
    }

    private static func mergeRanks(_ bytes: [UInt8]) throws -> [[String]: Int] {
        let value = try bytes.withUnsafeBytes { try JSONValue(parsing: $0, file: "x") }
        let merges = try JSONNode(value, file: "x")["model"]["merges"].array()
        var ranks: [[String]: Int] = [:]
        for (rank, merge) in merges.enumerated() { ranks[try merge.array().map { try $0.string() }] = rank }
        return ranks
    }

    @Test(arguments: TokenizerFixtures.families)
    func streamedTextNeverSplitsACharacter(family: String) throws {
        let tokenizer = try TokenizerFixtures.tokenizer(family)
        for test in try TokenizerFixtures.cases() {
            guard Self.isEncodable(Array(test.text.utf8), tokenizer) else { continue }
            var decoder = UTF8StreamDecoder()
            let tokens = try #require(test.tokens[family])
            let pieces = tokens.map { decoder.push(tokenizer.bytes(of: $0)) } + [decoder.finish()]
            #expect(Array(pieces.joined().utf8) == tokenizer.decode(tokens))
            if !test.text.contains("\u{FFFD}") { #expect(!pieces.contains { $0.contains("\u{FFFD}") }, "\(test.name)") }
        }
    }

    @Test func oneTokenizerServesManyTasks() async throws {
        let tokenizer = try TokenizerFixtures.tokenizer("qwen2")
        let cases = try TokenizerFixtures.cases()
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 {
                group.addTask { cases.allSatisfy { tokenizer.encode($0.text) == $0.tokens["qwen2"] } }
            }
            for await isSame in group { #expect(isSame) }
        }
    }
}
