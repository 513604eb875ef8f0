import ForetokenFiles
import ForetokenText
import Testing

@testable import ForetokenDecoding
@testable import ForetokenServing

@Suite struct TokenTextTests {
    private let texts = TokenText(ByteTokenizer())

    @Test func bytesThatAreNoCharactersAreEscaped() {
        #expect(texts.name(104) == "h")
        #expect(texts.name(226) == #"bytes:\xe2"#)
        #expect(texts.name(0x80) == #"bytes:\x80"#)
        #expect(texts.name(0) == "\0")
        #expect(texts.name(257) == "<|end_of_text|>")
        #expect(texts.name(300) == "" && texts.name(-1) == "")
    }

    /// Against the definition: the number of characters that begin before the token's first byte, of the one it is inside of
    /// not counted.
    @Test func offsetsOfBytes() {
        var random = SplitMix64(seed: 5)
        let alphabet = ["a", "é", "€", "😀", "\n", "\u{0}", "<|end_of_text|>"]
        for _ in 0..<200 {
            let parts = (0..<Int(random.next() % 12)).map { _ in alphabet[Int(random.next() % 7)] }
            let text = parts.joined()
            let tokens = [256] + ByteTokenizer().encode(Array(text.utf8), specialTokens: .parsed)
            var offsets = TextOffsets(text)
            var position = 0
            for token in tokens {
                let bytes = Array(text.utf8)
                let before = String(decoding: bytes[..<position], as: UTF8.self).unicodeScalars
                let isInside = position < bytes.count && bytes[position] & 0xC0 == 0x80
                // The cut character decodes to one replacement character or more.
                let start = bytes[..<position].lastIndex { $0 & 0xC0 != 0x80 } ?? 0
                let expected =
                    isInside ? String(decoding: bytes[..<start], as: UTF8.self).unicodeScalars.count : before.count
                #expect(offsets.next(token, texts) == expected)
                if token != 256 { position += texts.bytes(token).count }
            }
            #expect(position == text.utf8.count)
        }
    }

    @Test func offsetsOfTokensThatDoNotSpellTheText() {
        var offsets = TextOffsets("ab")
        // Never beyond the text, whatever the tokens.
        for token: Int32 in [257, 120, 121, 122, 97, -1, 999] { #expect((0...2).contains(offsets.next(token, texts))) }
    }

    @Test func theLargestValueIsTheTokensOwnOnlyIfItIsTheMostLikely() throws {
        // As lm-evaluation-harness reads it: greedy if and only if token_logprobs equals the largest of top_logprobs.
        var random = SplitMix64(seed: 9)
        for _ in 0..<300 {
            let count = Int(random.next() % 5) + 1
            let logits = (0..<258).map { _ in -Double(random.next() % 64) / 7 - 1e-9 }
            let order = logits.indices.sorted { (logits[$0], $1) > (logits[$1], $0) }
            let token = Int(random.next() % 2) == 0 ? order[0] : Int(random.next() % 258)
            let scores = TokenScores(
                token: Int32(token), logProbability: logits[token],
                top: order.prefix(count).map {
                    TokenScores.Candidate(token: Int32($0), logProbability: logits[$0])
                })
            let options = ResponseExamples.options { $0.logProbabilities = count }
            let writer = CompletionWriter(
                ResponseExamples.identity, options: options, echoes: false, texts: texts)
            let piece = ResponseExamples.piece("", Int32(token), scores)
            let json = writer.response([Choice(index: 0, pieces: [piece], finish: .length)], usage: Usage())
            let logprobs = try JSONNode(JSONValue(parsing: json, file: ""), file: "")["choices"].array()[0]["logprobs"]
            let own = try logprobs["token_logprobs"].array()[0].double()
            let top = try logprobs["top_logprobs"].array()[0].object()
            let values = try top.map { try JSONNode($0.value, file: "").double() }
            #expect(own == logits[token])
            #expect(values.count == (order.prefix(count).contains(token) ? count : count + 1))
            #expect((values.max() == own) == (logits[token] == logits[order[0]]))
        }
    }

    @Test func tokensOfEqualTextKeepTheirValues() throws {
        let scores = ResponseExamples.scores(1, -1, [(2, -0.5), (1, -1), (3, -2)])
        let probabilities = LogProbabilities(texts: TokenText(SameText()), top: 3, namesByID: false)
        let json = JSONWriter.object {
            probabilities.writeParallel([.init(token: 1, offset: 0, scores: scores)], to: &$0)
        }
        #expect(json.contains(#""top_logprobs":[{"token_id:2":-0.5,"x":-1.0,"token_id:3":-2.0}]"#))
        _ = try JSONValue(parsing: json, file: "")
    }
}

/// A tokenizer whose tokens are all `x`.
private struct SameText: Tokenizer {
    let name = "x"
    let vocabularySize = 9
    let beginningOfText: Int32? = nil
    let endOfText: Int32? = nil
    let digest = "x"
    let definition: [UInt8] = []
    func encode(_ bytes: [UInt8]) -> [Int32] { bytes.map { _ in 1 } }
    func bytes(of token: Int32) -> [UInt8] { [120] }
}
