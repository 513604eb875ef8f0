import ForetokenFiles
import Foundation
import Testing

@testable import ForetokenText

/// Tokens and text compared with Hugging Face's library (Fixtures/tokenizers/make_metaspace.py).
@Suite struct MetaspaceTests {
    private static func file(_ name: String) throws -> JSONObject {
        try JSONNode(contentsOf: TokenizerFixtures.url(name)).object()
    }

    /// metaspace.json with the changes of a case.
    private static func tokenizer(_ changes: JSONObject) throws -> MetaspaceTokenizer {
        var root = try file("metaspace.json")
        guard case .object(var model)? = root["model"] else { throw CancellationError() }
        for (key, value) in changes {
            switch (key, value) {
            case ("model", .object(let parts)): for (name, part) in parts { model[name] = part }
            case ("removed", .array(let names)):
                guard case .object(var vocabulary)? = model["vocab"] else { throw CancellationError() }
                for case .string(let name) in names { vocabulary[name] = nil }
                model["vocab"] = .object(vocabulary)
            default: root[key] = value
            }
        }
        root["model"] = .object(model)
        return try MetaspaceTokenizer(parsing: Array(JSONValue.object(root).text().utf8), file: "t.json")
    }

    @Test(arguments: 0..<13) func tokensAndTextEqualHuggingFaces(variant: Int) throws {
        let fixture = try JSONNode(Self.file("metaspace_cases.json").asValue, file: "cases")
        let test = try fixture["cases"].array()[variant]
        let changes = try test["changes"].object()
        let tokenizer = try Self.tokenizer(changes)
        let texts = try fixture["texts"].array().map { Array(try $0.string().utf8) }
        #expect(texts.count > 30)
        for (index, text) in texts.enumerated() {
            func expected(_ key: String) throws -> [Int32] {
                try test[key].array()[index].array().map { Int32(try $0.integer()) }
            }
            let name = "\(changes): \(String(decoding: text, as: UTF8.self).debugDescription)"
            let tokens = tokenizer.encode(text)
            #expect(try tokens == expected("text"), "\(name)")
            // From the cache.
            #expect(try tokenizer.encode(text, specialTokens: .parsed) == expected("special"), "\(name)")
            #expect(tokenizer.encode(text, specialTokens: .parsedOutside([0..<text.count])) == tokens)
            let decoded = try test["decoded"].array()[index].string()
            #expect(String(decoding: tokenizer.text(of: tokens), as: UTF8.self) == decoded, "\(name)")
        }
    }

    @Test func theFileSaysWhatItIs() throws {
        let url = TokenizerFixtures.url("metaspace.json")
        let tokenizer = try #require(TokenizerFile.read(url) as? MetaspaceTokenizer)
        #expect(
            tokenizer.framing == TextFraming(before: [1]) && tokenizer.beginningOfText == 1 && tokenizer.endOfText == 2)
        #expect(
            tokenizer.bytes(of: 1) == [] && tokenizer.bytes(of: 3 + 0x41) == [0x41] && tokenizer.bytes(of: -1) == [])
        #expect(
            tokenizer.specialTokenName(2) == Array("</s>".utf8) && tokenizer.name == "bpe-\(tokenizer.vocabularySize)")
        #expect(tokenizer.definition == (try TokenizerFixtures.bytes("metaspace.json")))
        #expect(tokenizer.bytes(of: try #require(tokenizer.encode("the").first)).first == UInt8(ascii: " "))
    }

    @Test func bytesThatAreNotUTF8AreKept() throws {
        let tokenizer = try Self.tokenizer(JSONObject())
        var generator = SplitMix64(seed: 5)
        for _ in 0..<500 {
            let bytes = (0..<Int.random(in: 0...20, using: &generator)).map { _ in
                UInt8.random(in: .min ... .max, using: &generator)
            }
            #expect(tokenizer.text(of: tokenizer.encode(bytes)) == bytes)
        }
        #expect(tokenizer.encode([0xFF, 0x00]).suffix(2) == [3 + 0xFF, 3])
    }

    @Test func whatHasNoTokenIsSaid() throws {
        let tokenizer = try Self.tokenizer(
            (["model": ["unk_token": .null, "byte_fallback": false]] as JSONValue).asObject)
        let error = #expect(throws: TokenizerError.self) { try tokenizer.checkEncodable(Array("the 中".utf8)) }
        #expect(error?.description.contains("no token for the byte 0xE4 in '中'") == true)
        try tokenizer.checkEncodable(Array("the".utf8))
        try Self.tokenizer(JSONObject()).checkEncodable([0xFF])
    }

    @Test(arguments: [
        (#"{"pre_tokenizer":{"type":"Whitespace"}}"#, "pre_tokenizer.type"),
        (#"{"pre_tokenizer":{"type":"Metaspace","replacement":"▁"}}"#, "pre_tokenizer.type"),
        (#"{"normalizer":null,"pre_tokenizer":{"type":"Metaspace","replacement":"_"}}"#, "pre_tokenizer.replacement"),
        (
            #"{"normalizer":null,"pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"x"}}"#,
            "pre_tokenizer.prepend_scheme"
        ),
        (#"{"normalizer":{"type":"NFKC"}}"#, "normalizer.type"),
        (#"{"normalizer":{"type":"Prepend","prepend":"x"}}"#, "normalizer.prepend"),
        (#"{"normalizer":{"type":"Replace","pattern":{"Regex":" "},"content":"▁"}}"#, "normalizer.pattern.String"),
        (#"{"decoder":{"type":"Sequence","decoders":[{"type":"WordPiece"}]}}"#, "decoder.decoders[0].type"),
        (
            #"{"decoder":{"type":"Sequence","decoders":[{"type":"Strip","content":" ","start":2,"stop":0}]}}"#,
            "out of range"
        ),
        (#"{"model":{"ignore_merges":true}}"#, "model.ignore_merges"),
        (#"{"model":{"unk_token":"zzq"}}"#, "model.unk_token"),
    ])
    func whatIsNotComputedIsRefusedByName(changes: String, message: String) throws {
        let object = try JSONNode(JSONValue(parsing: changes, file: "c"), file: "c").object()
        let error = #expect(throws: (any Error).self) { try Self.tokenizer(object) }
        #expect(error.map { "\($0)".contains(message) } == true, "\(error.map { "\($0)" } ?? "")")
    }
}

extension JSONObject {
    fileprivate var asValue: JSONValue { .object(self) }
}

extension JSONValue {
    fileprivate var asObject: JSONObject { if case .object(let object) = self { object } else { JSONObject() } }
}
