import ForetokenFiles
import Foundation
import TestSupport
import Testing

@testable import ForetokenText

@Suite struct TokenizerReadingTests {
    /// Reads a fixture with one change, and returns the error.
    private func read(_ family: String, replacing old: String, with new: String) throws -> String {
        let text = String(decoding: try TokenizerFixtures.bytes("\(family).json"), as: UTF8.self)
        try #require(text.contains(old), "\(old)")
        let changed = Array(text.replacingOccurrences(of: old, with: new).utf8)
        do {
            _ = try BytePairTokenizer(parsing: changed, file: "t.json")
            return "accepted"
        } catch {
            return "\(error)"
        }
    }

    @Test(arguments: [
        (
            "gpt2", #""type":"BPE""#, #""type":"WordPiece""#,
            #"t.json: model.type: "WordPiece" is not supported; supported: BPE"#
        ),
        ("gpt2", #""dropout":null"#, #""dropout":0.1"#, "model.dropout: 0.1 is not supported"),
        ("gpt2", #""end_of_word_suffix":"""#, #""end_of_word_suffix":"</w>""#, "model.end_of_word_suffix"),
        (
            "smollm", #""add_prefix_space":false"#, #""add_prefix_space":true"#,
            "pre_tokenizer.pretokenizers[1].add_prefix_space: true is not"
        ),
        (
            "gpt2", #""pre_tokenizer":{"type":"ByteLevel""#, #""pre_tokenizer":{"type":"Metaspace""#,
            #""Metaspace" is not"#
        ),
        ("gpt2", #""decoder":{"type":"ByteLevel""#, #""decoder":{"type":"WordPiece""#, "decoder.type"),
        ("gpt2", #""truncation":null"#, #""truncation":{"max_length":5}"#, "truncation"),
        ("gpt2", #""normalizer":null"#, #""normalizer":{"type":"NFKC"}"#, #"normalizer.type: "NFKC" is not supported"#),
        ("smollm", #""individual_digits":true"#, #""individual_digits":1"#, "individual_digits: expected a boolean"),
        (
            "smollm", #""type":"Digits""#, #""type":"Whitespace""#,
            #""Whitespace" is not supported; supported: ByteLevel"#
        ),
        ("smollm", #""type":"Digits""#, #""type":"ByteLevel""#, "one ByteLevel"),
        ("smollm", #""unk_token":null"#, #""unk_token":"zzz""#, "model.unk_token: is not in model.vocab"),
        ("smollm", #""byte_fallback":false"#, #""byte_fallback":true"#, "lacks some of the 256 bytes"),
        ("gpt2", #""!":0,"#, #""!":1,"#, "duplicate token 1"),
        ("gpt2", #""!":0,"#, #""!":4000000000,"#, "out of range"),
        ("gpt2", #""!":0,"#, #""!":-1,"#, "out of range"),
        ("gpt2", #""merges":["#, #""merges":["zz qq","#, "model.merges[0]: 'zzqq' is not in model.vocab"),
        ("gpt2", #""merges":["#, #""merges":["ab","#, "model.merges[0]: expected two tokens"),
        ("gpt2", #""merges":["#, #""merges":[7,"#, "model.merges[0]: expected two tokens"),
        ("gpt2", #""single_word":false"#, #""single_word":1"#, "added_tokens[0].single_word: expected a boolean"),
        ("gpt2", #""content":"<|endoftext|>""#, #""content":"""#, "an empty added token"),
        ("llama3", #""behavior":"Isolated""#, #""behavior":"Removed""#, "behavior"),
        ("llama3", #"\\p{N}{1,3}"#, #"\\p{Han}"#, #"Regex: '\p{Han}' in '(?i:'s|'t"#),
        ("llama3", #""ignore_merges":true"#, #""ignore_merges":1"#, "model.ignore_merges: expected a boolean"),
        ("qwen2", #""id":700"#, #""id":0"#, "duplicate token 0"),
    ])
    func whatIsNotComputedIsRefusedByName(family: String, old: String, new: String, message: String) throws {
        let result = try read(family, replacing: old, with: new)
        #expect(result.contains(message), "\(result)")
        #expect(result.hasPrefix("t.json"), "\(result)")
    }

    @Test func truncatedEmptyAndForeignFilesAreRefused() throws {
        for family in TokenizerFixtures.families {
            let bytes = try TokenizerFixtures.bytes("\(family).json")
            for tenth in 0..<10 {
                let part = Array(bytes.prefix(bytes.count * tenth / 10))
                #expect(throws: JSONError.self) { try BytePairTokenizer(parsing: part, file: "t.json") }
            }
        }
        for text in ["{}", "[]", "null", "3", #"{"model":{}}"#, "\u{FEFF}{}"] {
            #expect(throws: (any Error).self) { try BytePairTokenizer(parsing: Array(text.utf8), file: "t.json") }
        }
    }

    @Test func bothSpellingsOfMergesAreRead() throws {
        let tokenizer = try TokenizerFixtures.tokenizer("gpt2")
        let value = try TokenizerFixtures.bytes("gpt2.json").withUnsafeBytes { try JSONValue(parsing: $0, file: "x") }
        guard case .object(var root) = value, case .object(var model)? = root["model"],
            case .array(let merges)? = model["merges"]
        else { return #expect(Bool(false)) }
        model["merges"] = .array(
            merges.map { merge in
                guard case .string(let text) = merge else { return .null }
                return .array(text.split(separator: " ").map { .string(String($0)) })
            })
        root["model"] = .object(model)
        let pairs = try BytePairTokenizer(parsing: Array(JSONValue.object(root).text().utf8), file: "x")
        for test in try TokenizerFixtures.cases() { #expect(pairs.encode(test.text) == tokenizer.encode(test.text)) }
        #expect(pairs.digest != tokenizer.digest)
    }

    @Test func specialTokensHaveNumbersAndNoBytes() throws {
        let llama = try TokenizerFixtures.tokenizer("llama3")
        #expect(llama.beginningOfText == 700 && llama.endOfText == 701 && llama.vocabularySize == 702)
        for token: Int32 in [700, 701, 702, -1, .max, .min] { #expect(llama.bytes(of: token) == []) }
        let qwen = try TokenizerFixtures.tokenizer("qwen2")
        #expect(qwen.beginningOfText == nil && qwen.endOfText == 700)
        #expect(qwen.bytes(of: 703) == Array("<tool>".utf8))
    }

    @Test func bytesHaveAFileThatReadsAsThem() throws {
        let folder = try TemporaryFolder()
        try TokenizerFile.write(ByteTokenizer(), to: folder.url)
        #expect(try TokenizerFile.read(folder: folder.url) is ByteTokenizer)
        // Folders of earlier versions hold this file, and it is recognised by its bytes.
        #expect(
            SHA256.hex(of: ByteTokenizer().definition)
                == "b9bb61bad801cdcf9cd36ca1ef65d0b1554b6f765fd8bf422397f818574fac32")
        let read = try BytePairTokenizer(parsing: ByteTokenizer().definition, file: "x")
        #expect(read.beginningOfText == 256 && read.endOfText == 257 && read.vocabularySize == 258)
        let all = Array(UInt8.min...UInt8.max)
        #expect(read.encode(all) == ByteTokenizer().encode(all))
        #expect(read.decode(0..<258) == all)
    }

    @Test func aFolderGivesItsTokenizerAndRefusesAnother() throws {
        let folder = try TemporaryFolder()
        let (llama, qwen) = (try TokenizerFixtures.tokenizer("llama3"), try TokenizerFixtures.tokenizer("qwen2"))
        #expect(try TokenizerFile.read(folder: folder.url).digest == ByteTokenizer().digest)
        let missing = #expect(throws: TokenizerError.self) {
            try TokenizerFile.read(folder: folder.url, digest: llama.digest, name: llama.name)
        }
        let sentence = "tokenizer.json: no such file, but tokenizer 'bpe-702' is required"
        #expect(missing?.description.contains(sentence) == true)
        try TokenizerFile.write(llama, to: folder.url)
        let read = try TokenizerFile.read(folder: folder.url, digest: llama.digest, name: llama.name)
        #expect(read.digest == llama.digest && read.definition == llama.definition)
        let other = #expect(throws: TokenizerError.self) {
            try TokenizerFile.read(folder: folder.url, digest: qwen.digest, name: qwen.name)
        }
        #expect(other?.description.contains("tokenizer 'bpe-702', expected") == true)
        #expect(throws: TokenizerError.self) {
            try TokenizerFile.read(folder.url.appendingPathComponent("nowhere.json"))
        }
    }

    /// `FORETOKEN_MUTATIONS` sets the number of mutations, `FORETOKEN_MUTATION_SEED` the seed.
    @Test func survivesMutatedFiles() throws {
        let environment = ProcessInfo.processInfo.environment
        let count = environment["FORETOKEN_MUTATIONS"].flatMap(Int.init) ?? 600
        var generator = SplitMix64(seed: environment["FORETOKEN_MUTATION_SEED"].flatMap(UInt64.init) ?? 1)
        let originals = try (TokenizerFixtures.families + ["metaspace"]).map {
            try TokenizerFixtures.bytes("\($0).json")
        }
        let pieces = [
            "{", "}", "[", "]", "\"", ",", ":", "null", "-1", "1e9", "3999999", "true", "\\u0000", "\\", " ", "é",
            "\"\"", "[[[[",
        ]
        var accepted = 0
        for index in 0..<count {
            var bytes = originals[index % originals.count]
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                let end = min(bytes.count, place + Int.random(in: 0...8, using: &generator))
                switch Int.random(in: 0..<5, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: .min ... .max, using: &generator)
                case 1:
                    bytes.replaceSubrange(
                        place..<end, with: Array((pieces.randomElement(using: &generator) ?? "").utf8))
                case 2: bytes.removeSubrange(place..<end)
                case 3:
                    let from = Int.random(in: 0..<bytes.count, using: &generator)
                    bytes.replaceSubrange(place..<end, with: bytes[from..<min(bytes.count, from + 20)])
                default:
                    // Changes digits, of ids and ranks.
                    for at in place..<end where (0x30...0x39).contains(bytes[at]) {
                        bytes[at] = UInt8.random(in: 0x30...0x39, using: &generator)
                    }
                }
            }
            do {
                let tokenizer = try TokenizerFile.tokenizer(parsing: bytes, file: "t.json")
                accepted += 1
                try? tokenizer.checkEncodable(Array(0...255))
                let text = Array("The quick 中 fox's 12345 e\u{301} \u{1F44D}\n\n  x<|endoftext|>".utf8) + [0xFF]
                let tokens = tokenizer.encode(text, specialTokens: .parsed)
                #expect(tokens.allSatisfy { (0..<Int32(tokenizer.vocabularySize)).contains($0) })
                _ = tokenizer.decode(tokens)
                _ = tokenizer.encode(text, specialTokens: .parsedOutside([3..<9, 40..<70]))
            } catch {
                #expect(!"\(error)".isEmpty)
            }
        }
        #expect(accepted > count / 50 && accepted < count)
    }
}
