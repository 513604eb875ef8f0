import ForetokenFiles
import ForetokenFormats
import ForetokenText
import Foundation
import Testing

@testable import ForetokenModel

@Suite struct GGUFVocabularyTests {
    /// The bytes of the model that the sentencepiece package serializes (Fixtures/gguf/make.py).
    @Test func aSentencePieceVocabularyBecomesItsModel() throws {
        func fixture(_ ending: String) throws -> URL {
            try #require(Bundle.module.url(forResource: "Fixtures/gguf/spm", withExtension: ending))
        }
        let vocabulary = try GGUFVocabulary(GGUFFile(contentsOf: fixture("gguf")), rows: 401)
        let file = try #require(vocabulary.files.first)
        #expect(file.name == "tokenizer.model" && vocabulary.failure == nil)
        #expect(try file.read() == Array(Data(contentsOf: fixture("model"))))
        // Llama 2's: a token before every text unless the file says otherwise.
        #expect(vocabulary.prepended == 1 && vocabulary.end == 2 && vocabulary.tokenRoles.beginning == nil)
        #if SentencePiece
            let tokenizer = try TokenizerFile.tokenizer(parsing: file.read(), file: "spm.gguf")
            #expect(tokenizer.decode(tokenizer.encode("def make(x): é")) == Array("def make(x): é".utf8))
        #else
            #expect(
                sentence { _ = try TokenizerFile.tokenizer(parsing: file.read(), file: "spm.gguf") }
                    .contains("SentencePiece"))
        #endif
    }

    /// Without SentencePiece, against its tokens.
    @Test func aPlainSentencePieceVocabularyNeedsNoSentencePiece() throws {
        let fixture = GGUFFixture(name: "spm-plain")
        let file = try GGUFFile(contentsOf: fixture.url)
        let vocabulary = try GGUFVocabulary(file, rows: 407)
        let found = try #require(vocabulary.files.first)
        #expect(found.name == "tokenizer.json")
        let tokenizer = try TokenizerFile.tokenizer(parsing: found.read(), file: "spm-plain.gguf")
        let texts = try fixture.texts
        #expect(texts.count > 200)
        for (text, tokens) in texts { #expect(tokenizer.encode(text) == tokens, "\(text.debugDescription)") }
        #expect(tokenizer.framing.before == [1])
        // Where scores do not order the pieces, or pieces cut the text, the model itself is made.
        let words = try GGUFWords(file, rows: 407)
        let pieces = try GGUFPieces(file, words, roles: .init(begin: 1, end: 2, padding: nil, unknown: 0))
        #expect(try pieces.definition(template: (nil, nil)) != nil)
        let scratch = try Scratch()
        func isDefined(_ key: String, _ change: (Int) -> Double) throws -> Bool {
            let url = scratch.file("\(UUID().uuidString).gguf")
            let scores = (0..<407).map { Float(change($0)) }
            try fixture.rewritten(
                to: url,
                metadata: { metadata in
                    if key == "scores" { metadata.set("tokenizer.ggml.scores", .floats(scores)) }
                    if key == "types" {
                        metadata.set("tokenizer.ggml.token_type", .int32s(scores.map { Int32($0) }))
                    }
                })
            return try GGUFVocabulary(GGUFFile(contentsOf: url), rows: 407).files[0].name == "tokenizer.json"
        }
        #expect(try isDefined("scores") { -Double($0) })
        #expect(try !isDefined("scores") { -Double($0 / 2) })
        #expect(try !isDefined("scores") { _ in 0 })
        let types = try file.integers("tokenizer.ggml.token_type") ?? []
        #expect(try isDefined("types") { Double(types[$0]) })
        #expect(try !isDefined("types") { $0 == 300 ? 4 : Double(types[$0]) })
        #expect(try !isDefined("types") { $0 == 262 ? 5 : Double(types[$0]) })
    }

    /// A vocabulary in characters is exported with scores that order its pieces as its merges do, and comes back to the byte.
    @Test func aVocabularyInCharactersIsExported() throws {
        let file = try GGUFFile(contentsOf: GGUFFixture(name: "spm-plain").url)
        let definition = try GGUFVocabulary(file, rows: 407).files[0].read()
        let tokenizer = try TokenizerFile.tokenizer(parsing: definition, file: "")
        let model = ModelConfiguration(
            vocabulary: 410, width: 8, layers: 1, attentionHeads: 2, feedForwardWidth: 8, heads: 1, contextLength: 8,
            beginningOfText: 1, endOfText: 2)
        let exported = try #require(try GGUFTokenizer(tokenizer, for: model))
        #expect(exported.notes.isEmpty)
        let url = try Scratch().url.appendingPathExtension("gguf")
        defer { try? FileManager.default.removeItem(at: url) }
        func write(_ values: [(String, GGUFValue)]) throws -> GGUFVocabulary {
            try GGUFWriter.write(to: url, metadata: values + GGUFTokenizer.roles(model), tensors: [])
            return try GGUFVocabulary(GGUFFile(contentsOf: url), rows: 410)
        }
        let whole = try write(exported.metadata)
        #expect(try whole.files[0].read() == definition && whole.prepended == 1 && whole.end == 2)
        // From tokens and scores alone, as llama.cpp reads them.
        let parts = try write(exported.metadata.filter { $0.0 != GGUFTokenizer.wholeKey })
        #expect(parts.files[0].name == "tokenizer.json")
        let again = try TokenizerFile.tokenizer(parsing: parts.files[0].read(), file: "")
        for (text, tokens) in try GGUFFixture(name: "spm-plain").texts { #expect(again.encode(text) == tokens) }
        let (types, before) = (
            try GGUFFile(contentsOf: url).integers("tokenizer.ggml.token_type"),
            try file.integers("tokenizer.ggml.token_type")
        )
        #expect(types == before.map { $0 + [5, 5, 5] })
    }

    /// One defect each: the model is still read, and asking for its tokenizer says what is wrong.
    @Test func everyOtherTokenizerIsRefusedByName() throws {
        let scratch = try Scratch()
        typealias Change = (inout [(String, GGUFValue)]) -> Void
        func set(_ key: String, _ value: GGUFValue?) -> Change { { $0.set("tokenizer.ggml.\(key)", value) } }
        let words = try GGUFFile(contentsOf: GGUFFixture(name: "llama-bias").url).strings("tokenizer.ggml.tokens") ?? []
        var texts = words.map { String(decoding: $0, as: UTF8.self) }
        let repeated = texts[0..<5] + [texts[0]] + texts[6...]
        texts.append("one too many")
        let long = [String(repeating: "x", count: 5000)] + texts[1..<288]
        let cases: [(Change, [String])] = [
            (set("model", .string("bert")), ["tokenizer.ggml.model", "bert", "gpt2"]),
            (set("model", .string("llama")), ["tokenizer.ggml.scores"]),
            (set("model", .string("no_vocab")), ["no tokenizer"]), (set("model", nil), ["no tokenizer"]),
            (set("pre", .string("kimi-k2")), ["tokenizer.ggml.pre", "kimi-k2", "qwen2", "smollm"]),
            (set("pre", .string("default")), ["tokenizer.ggml.pre", "default"]),
            (set("pre", nil), ["tokenizer.ggml.pre", "missing"]),
            (set("tokens", nil), ["tokenizer.ggml.tokens", "missing"]),
            (set("tokens", .uint32(1)), ["tokenizer.ggml.tokens", "array of strings"]),
            (set("tokens", .strings(texts)), ["289", "288"]),
            (set("tokens", .strings(Array(repeated))), ["twice", "token 5"]),
            (set("tokens", .strings(Array(long))), ["token 0", "5000"]),
            (set("token_type", .int32s([1, 2, 3])), ["token_type", "3", "288"]),
            (set("token_type", .int32s([Int32](repeating: 9, count: 288))), ["token_type", "token 0", "9"]),
            (set("merges", nil), ["tokenizer.ggml.merges", "missing"]),
            (set("merges", .strings(["ab"])), ["element 0", "two tokens"]),
            (set("merges", .strings(["a "])), ["merges"]), (set("merges", .strings(["a zzz"])), ["merges", "azzz"]),
            (set("merges", .strings(["h e", "h e"])), ["merges", "duplicate"]),
        ]
        for (change, parts) in cases {
            let url = scratch.file("\(UUID().uuidString).gguf")
            try GGUFFixture(name: "llama-bias").rewritten(to: url, metadata: change)
            let configuration = try ModelFolder.configuration(of: url)
            let text = sentence("\(parts)") { _ = try ModelFolder.tokenizer(in: url, of: configuration) }
            for part in parts { #expect(text.contains(part), "\(part): \(text)") }
            #expect(text.contains(url.lastPathComponent) && text.count < 1500, "\(text)")
        }
    }

    @Test func theWholeTokenizerMustAgreeWithTheTokens() throws {
        let scratch = try Scratch()
        let (first, second) = (scratch.file("first.gguf"), scratch.file("second.gguf"))
        _ = try Conversion.run(from: GGUFFixture(name: "qwen2").url, to: first, format: .gguf)
        let file = try GGUFFile(contentsOf: first)
        let whole = try #require(try file.text(GGUFTokenizer.wholeKey))
        #expect(try GGUFSource.vocabulary(in: first).files[0].read() == Array(whole.utf8))
        let changed = whole.replacingOccurrences(of: "<tool>", with: "<t00l>")
        for (definition, part) in [(changed, "another vocabulary"), ("{}", "tokenizer.huggingface.json")] {
            try GGUFFixture(url: first).rewritten(
                to: second, metadata: { $0.set(GGUFTokenizer.wholeKey, .string(definition)) })
            let configuration = try ModelFolder.configuration(of: second)
            let text = sentence { _ = try ModelFolder.tokenizer(in: second, of: configuration) }
            #expect(text.contains(part), "\(text)")
        }
    }

    /// llama.cpp's names, and the rules that they stand for.
    @Test(arguments: ["llama-bias", "mistral", "qwen2", "qwen3"])
    func everyPreTokenizerComesBack(_ name: String) throws {
        let url = try GGUFFixture(name: name).url
        let pre = try GGUFFile(contentsOf: url).text("tokenizer.ggml.pre")
        let tokenizer = try ModelFolder.tokenizer(in: url, of: ModelFolder.configuration(of: url))
        let pair = try #require(tokenizer as? BytePairTokenizer)
        let configuration = try ModelFolder.configuration(of: url)
        let written = try #require(try GGUFTokenizer(tokenizer, for: configuration))
        let value = written.metadata.first { $0.0 == "tokenizer.ggml.pre" }?.1
        guard case .string(let text)? = value else {
            Issue.record("no pre-tokenizer")
            return
        }
        #expect(text == pre)
        #expect(pair.isNormalizing == (pre == "qwen2") && pair.ignoresMerges == (pre == "llama-bpe"))
        #expect(pair.framing.before == [configuration.beginningOfText].compactMap(\.self))
    }

    /// A file with any of llama.cpp's names that are read is written with the name of the same rules.
    @Test func everyNameOfAPreTokenizerIsRead() throws {
        let scratch = try Scratch()
        let url = scratch.file("named.gguf")
        #expect(GGUFPreTokenizer.names.count > 50)
        for name in GGUFPreTokenizer.names {
            try GGUFFixture(name: "llama-bias").rewritten(
                to: url, metadata: { $0.set("tokenizer.ggml.pre", .string(name)) })
            let tokenizer = try #require(
                try ModelFolder.tokenizer(in: url, of: ModelFolder.configuration(of: url)) as? BytePairTokenizer)
            let kind = try #require(GGUFPreTokenizer(name))
            #expect(tokenizer.isNormalizing == kind.isNormalizing && tokenizer.ignoresMerges == kind.ignoresMerges)
            #expect(tokenizer.decode(tokenizer.encode("a b1\n 12345 c's\t .")) == Array("a b1\n 12345 c's\t .".utf8))
            let written = try #require(
                GGUFPreTokenizer.name(of: tokenizer.preTokenizer, ignoresMerges: tokenizer.ignoresMerges))
            let again = try #require(GGUFPreTokenizer(written.name))
            #expect(written.isExact && again.ignoresMerges == kind.ignoresMerges)
            #expect(try PreTokenizer(JSONNode(again.definition, file: "")) == tokenizer.preTokenizer, "\(name)")
        }
    }

    /// Metadata of a file with a byte changed anywhere: read, or refused with a sentence.
    @Test func everyByteOfTheMetadataMayBeAnything() throws {
        let scratch = try Scratch()
        let url = try GGUFFixture(name: "llama-bias").url
        let original = try Data(contentsOf: url)
        let start = try GGUFFile(contentsOf: url).entries.map(\.byteRange.lowerBound).min() ?? 0
        var generator = Seeded(state: 23)
        let damaged = scratch.file("damaged.gguf")
        for position in stride(from: 0, to: start, by: 3) {
            var bytes = original
            bytes[position] = UInt8.random(in: 0...255, using: &generator)
            try bytes.write(to: damaged)
            do {
                let source = try ModelFolder.source(damaged)
                _ = try? ModelFolder.tokenizer(in: damaged, of: source.configuration)
                for parameter in try ModelOutline(source.configuration).parameters {
                    _ = try source.withFloats(of: parameter.name) { $0.count }
                }
            } catch {
                #expect(!"\(error)".isEmpty)
            }
        }
    }
}
