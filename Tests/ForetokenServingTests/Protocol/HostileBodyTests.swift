import ForetokenFiles
import Testing

@testable import ForetokenServing

/// Bodies that are no requests at all: each is an error that says where, none is a crash.
@Suite struct HostileBodyTests {
    private func refusal(_ bytes: [UInt8]) -> APIError? {
        do {
            _ = try CompletionBody(parsing: bytes, RequestCases.limits)
            return nil
        } catch {
            return error
        }
    }

    private func refusal(_ text: String) -> APIError? { refusal(Array(text.utf8)) }

    @Test(arguments: [
        "", " ", "{", "}", "nul", "[1, 2", #"{"prompt"}"#, #"{"prompt": }"#, #"{"prompt": "x",}"#,
        #"{"prompt": "x"} x"#, #"{"prompt": "x", "prompt": "y"}"#, #"{"prompt": "x", "temperature": NaN}"#,
        #"{"prompt": "x", "temperature": Infinity}"#, #"{"prompt": "x", "temperature": 1e400}"#,
        #"{"prompt": "x", "temperature": .5}"#, #"{"prompt": "x", "seed": 01}"#, #"{'prompt': 'x'}"#,
        "{\"prompt\": \"\n\"}", #"{"prompt": "\x"}"#, "\u{FEFF}{\"prompt\": \"x\"}",
    ]) func malformed(_ text: String) throws {
        let error = try #require(refusal(text))
        #expect(error.status == 400 && error.parameter == nil)
        #expect(error.message.contains("line 1, column ") || error.message.contains("line 2, column "))
        _ = try JSONValue(parsing: error.json, file: "")
    }

    @Test(arguments: ["null", "1", "true", #""x""#, "[]", #"[{"prompt": "x"}]"#]) func notAnObject(_ text: String) {
        #expect(refusal(text)?.message.contains("must be an object") == true)
    }

    @Test func bytesThatAreNotUTF8() {
        for bytes: [UInt8] in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82], [0]] {
            let body = Array(#"{"prompt": ""#.utf8) + bytes + Array(#""}"#.utf8)
            #expect(refusal(body)?.status == 400)
            #expect(refusal(bytes)?.status == 400)
        }
    }

    @Test func everyPrefixOfABody() {
        let text =
            #"{"prompt": ["a\u00e9\ud83d\ude00", "é"], "logit_bias": {"1": -0.5e-1}, "stop": null, "echo": true}"#
        let bytes = Array(text.utf8)
        #expect(refusal(bytes) == nil)
        for count in 0..<bytes.count { #expect(refusal(Array(bytes[..<count]))?.status == 400) }
    }

    @Test func everyByteChanged() {
        let bytes = Array(#"{"prompt": [[1, 2], [3]], "logit_bias": {"1": -5}, "n": 2}"#.utf8)
        for index in bytes.indices {
            for byte in UInt8.min...UInt8.max {
                var changed = bytes
                changed[index] = byte
                if let error = refusal(changed) { #expect(error.status == 400) }
            }
        }
    }

    @Test func deepNesting() {
        for depth in [63, 64, 65, 100_000] {
            for (open, close) in [("[", "]"), (#"{"prompt":"#, "}")] {
                let text = String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
                #expect(refusal(text)?.status == 400)
                #expect(refusal(#"{"x": "# + text + "}")?.status == 400)
            }
        }
    }

    @Test func hugeArrays() throws {
        let ids = [String](repeating: "7", count: 300_000).joined(separator: ",")
        let body = try CompletionBody(parsing: Array("{\"prompt\": [\(ids)]}".utf8), RequestCases.limits)
        #expect(body.prompts == [.tokens([Int32](repeating: 7, count: 300_000))])
        #expect(refusal("{\"prompt\": [\(ids),-1]}")?.parameter == "prompt[300000]")
        #expect(refusal("{\"prompt\": [\(ids),\"a\"]}")?.parameter == "prompt[300000]")
        #expect(refusal("{\"prompt\": \"x\", \"stop_token_ids\": [\(ids)]}")?.parameter == "stop_token_ids")
        #expect(refusal("{\"prompt\": \"x\", \"x\": [\(ids)]}") == nil)
    }

    @Test func longKeysAndControlCharactersAreNotEchoed() throws {
        let key = String(repeating: "k", count: 100_000)
        let error = try #require(refusal(#"{"prompt": "x", "logit_bias": {"\u001b[31m"# + key + #"": 1}}"#))
        #expect(error.message.utf8.count < 300)
        #expect(!error.message.contains("\u{1B}"))
        let inside = try #require(refusal(#"{"prompt": "x", "logit_bias": {"\u001b[31m"# + key + #"": []}}"#))
        #expect(inside.message.utf8.count < 500 && !inside.message.contains("\u{1B}"))
    }

    @Test func halfSurrogatePairsBecomeReplacementCharacters() throws {
        let body = try CompletionBody(parsing: Array(#"{"prompt": "a\ud83d"}"#.utf8), RequestCases.limits)
        #expect(body.prompts == [.text("a\u{FFFD}")])
    }

    @Test func theMistakeIsNamedWhereItIs() {
        let cases = [
            (#"{}"#, "prompt", "'prompt' is missing"),
            (#"{"prompt": "x", "temperature": "1"}"#, "temperature", "must be a number between 0 and 2, not a string"),
            (#"{"prompt": "x", "temperature": 3}"#, "temperature", "must be a number between 0 and 2, not 3"),
            (#"{"prompt": [1, "a"]}"#, "prompt[1]", "must be an integer of at least 0, not a string"),
            (#"{"prompt": ["a", 1]}"#, "prompt[1]", "must be a string, not an integer"),
            (#"{"prompt": [[1], [2, null]]}"#, "prompt[1][1]", "not null"),
            (#"{"prompt": []}"#, "prompt", "not an empty array"),
            (#"{"prompt": "x", "stream_options": {"include_usage": 1}}"#, "stream_options.include_usage", "a boolean"),
            (#"{"prompt": "x", "stop": ["a", ""]}"#, "stop[1]", "not an empty string"),
            (#"{"prompt": "x", "heads": 5}"#, "heads", "the model has 4 heads"),
        ]
        for (text, parameter, words) in cases {
            let error = refusal(text)
            #expect(error?.parameter == parameter, "\(text): \(String(describing: error))")
            #expect(error?.message.contains(words) == true, "\(text): \(error?.message ?? "")")
        }
    }
}
