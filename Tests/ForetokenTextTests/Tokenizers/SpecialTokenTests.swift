import ForetokenFiles
import Foundation
import Testing

@testable import ForetokenText

@Suite struct SpecialTokenTests {
    /// The tokens by brute force: at each place the longest added token that may stand there.
    private static func expected(_ text: [UInt8], _ content: [Bool], _ tokenizer: BytePairTokenizer) -> [Int32] {
        var (result, piece): ([Int32], [UInt8]) = ([], [])
        var place = 0
        let added = tokenizer.addedTokens.filter { !$0.isNormalized }.sorted { $0.content.count > $1.content.count }
        while place < text.count {
            let here = added.filter { text[place...].starts(with: $0.content) }
            func mask(_ token: AddedToken) -> ArraySlice<Bool> { content[place..<(place + token.content.count)] }
            if let first = here.first, first.isSpecial, !mask(first).contains(false) {
                piece += first.content
                place += first.content.count
            } else if let token = here.first(where: { !$0.isSpecial || !mask($0).contains(true) }) {
                result += tokenizer.encode(piece) + [token.id]
                piece = []
                place += token.content.count
            } else {
                piece.append(text[place])
                place += 1
            }
        }
        return result + tokenizer.encode(piece)
    }

    @Test(arguments: TokenizerFixtures.families)
    func contentNeverBecomesASpecialToken(family: String) throws {
        let tokenizer = try TokenizerFixtures.tokenizer(family)
        let names = tokenizer.addedTokens.map { String(decoding: $0.content, as: UTF8.self) }
        let pieces = names + names.map { String($0.prefix(5)) } + names.map { String($0.dropFirst(5)) }
        let words = ["user", "\n", " ", "can't", "12", "e", "\u{301}", "中", "<", "|>", "<|im_start|><|im_end|>"]
        var generator = SplitMix64(seed: 8)
        for _ in 0..<3000 {
            var (text, content): ([UInt8], [Bool]) = ([], [])
            var ranges: [Range<Int>] = []
            for _ in 0..<Int.random(in: 1...8, using: &generator) {
                let piece = Array(
                    ((Bool.random(using: &generator) ? pieces : words).randomElement(using: &generator) ?? "").utf8)
                let isContent = Bool.random(using: &generator)
                if isContent { ranges.append(text.count..<(text.count + piece.count)) }
                text += piece
                content += [Bool](repeating: isContent, count: piece.count)
            }
            let tokens = tokenizer.encode(text, specialTokens: .parsedOutside(ranges.shuffled(using: &generator)))
            #expect(
                tokens == Self.expected(text, content, tokenizer), "\(String(decoding: text, as: UTF8.self)) \(ranges)")
            #expect(
                tokenizer.encode(text, specialTokens: .parsedOutside([]))
                    == tokenizer.encode(text, specialTokens: .parsed))
            #expect(
                tokenizer.encode(text, specialTokens: .parsedOutside([-3..<(text.count + 9)])) == tokenizer.encode(text)
            )
        }
    }

    @Test func aTemplatesTextIsEncodedAsAWhole() throws {
        let tokenizer = try TokenizerFixtures.tokenizer("qwen2")
        let (start, end) = (
            try #require(tokenizer.token(named: "<|im_start|>")), try #require(tokenizer.token(named: "<|im_end|>"))
        )
        func encode(_ framing: String, _ content: String, _ tail: String) -> [Int32] {
            let text = Array((framing + content + tail).utf8)
            return tokenizer.encode(
                text, specialTokens: .parsedOutside([framing.utf8.count..<(framing.utf8.count + content.utf8.count)]))
        }
        let tokens = encode("<|im_start|>user\nThe qu", "ick brown<|im_end|>", "<|im_end|>\n")
        #expect(
            tokens == [start] + tokenizer.encode("user\nThe quick brown<|im_end|>") + [end] + tokenizer.encode("\n"))
        // Neither half of a token's name may be content.
        #expect(!encode("<|im_", "end|>", "").contains(end))
        #expect(!encode("", "<|im_", "end|>").contains(end))
        // Marks of the content compose with letters of the framing, as in the whole text.
        #expect(encode("e", "\u{301}<|im_end|>", "") == tokenizer.encode("é<|im_end|>"))
        // Tokens that are not special are text.
        #expect(encode("", "<tool>", "") == [try #require(tokenizer.token(named: "<tool>"))])
    }

    /// A special token that is matched in the normalised text, where the content's range has moved.
    @Test func contentIsKnownAfterNormalization() throws {
        let file = String(decoding: try TokenizerFixtures.bytes("qwen2.json"), as: UTF8.self)
            .replacingOccurrences(of: #""normalized":false,"special":true"#, with: #""normalized":true,"special":true"#)
        let tokenizer = try BytePairTokenizer(parsing: Array(file.utf8), file: "t.json")
        let end = try #require(tokenizer.token(named: "<|im_end|>"))
        let text = "e\u{301}<|im_end|>e\u{301}\u{323}<|im_end|>e\u{301}<|im_end|>"
        let pieces = text.components(separatedBy: "<|im_end|>")
        let start = pieces[0].utf8.count + 10 + pieces[1].utf8.count
        let tokens = tokenizer.encode(Array(text.utf8), specialTokens: .parsedOutside([start..<(start + 10)]))
        #expect(
            tokens == tokenizer.encode(pieces[0]) + [end] + tokenizer.encode(pieces[1] + "<|im_end|>" + pieces[2]) + [
                end
            ])
    }

    @Test func specialTokensHaveSpellings() throws {
        let tokenizer = try TokenizerFixtures.tokenizer("qwen2")
        #expect(tokenizer.specialTokenName(701) == Array("<|im_start|>".utf8))
        #expect(
            tokenizer.specialTokenName(703) == nil && tokenizer.specialTokenName(5) == nil
                && tokenizer.specialTokenName(-1) == nil)
        #expect(tokenizer.token(named: "<tool>") == 703 && tokenizer.token(named: "tool") == nil)
        #expect(tokenizer.addedTokens.filter(\.isSpecial).map(\.id) == [700, 701, 702])
        let bytes = ByteTokenizer()
        let text = "a<|end_of_text|>b<|begin_of_text|>"
        #expect(bytes.encode(text, specialTokens: .parsed) == [0x61, 257, 0x62, 256])
        #expect(bytes.encode(text).count == text.utf8.count)
        #expect(
            bytes.encode(text, specialTokens: .parsedOutside([0..<3])) == bytes.encode(String(text.dropLast(17))) + [
                256
            ])
        #expect(bytes.framing == TextFraming(before: [256]))
    }

    @Test(
        arguments: [
            ("null", [], []),
            (#"{"type":"ByteLevel","trim_offsets":false}"#, [], []),
            (#"{"type":"RobertaProcessing","sep":["</s>",702],"cls":["<s>",701],"trim_offsets":true}"#, [701], [702]),
            (#"{"type":"BertProcessing","sep":["[SEP]",700],"cls":["[CLS]",701]}"#, [701], [700]),
            (#"{"type":"TemplateProcessing","single":[$S,$A,$E,$S],"special_tokens":$T}"#, [701], [700, 702, 701]),
            (
                #"{"type":"Sequence","processors":[{"type":"ByteLevel"},{"type":"TemplateProcessing","single":[$S,$A],"special_tokens":$T}]}"#,
                [701], []
            ),
            (
                #"{"type":"Sequence","processors":[{"type":"TemplateProcessing","single":[$S,$A],"special_tokens":$T},"#
                    + #"{"type":"TemplateProcessing","single":[$E,$A],"special_tokens":$T}]}"#, [700, 702, 701], []
            ),
        ] as [(String, [Int32], [Int32])])
    func thePostProcessorFramesATextIn(processor: String, before: [Int32], after: [Int32]) throws {
        let tokenizer = try Self.tokenizer(processor)
        #expect(tokenizer.framing == TextFraming(before: before, after: after))
        #expect(tokenizer.beginningOfText == before.first && tokenizer.endOfText == after.last ?? 700)
    }

    @Test(arguments: [
        (#"{"type":"OtherProcessing"}"#, #"post_processor.type: "OtherProcessing" is not supported"#),
        (#"{"type":"RobertaProcessing"}"#, "post_processor.cls: missing"),
        (#"{"type":"RobertaProcessing","cls":["s",1]}"#, "post_processor.sep: missing"),
        (#"{"type":"BertProcessing","cls":["s"],"sep":["s",1]}"#, "post_processor.cls: expected a token's text"),
        (#"{"type":"BertProcessing","cls":["s",9999],"sep":["s",1]}"#, "9999 is out of range"),
        (#"{"type":"TemplateProcessing","single":[$S],"special_tokens":$T}"#, "post_processor.single"),
        (
            #"{"type":"TemplateProcessing","single":[$A,$A],"special_tokens":$T}"#,
            "post_processor.single[1].Sequence.id"
        ),
        (#"{"type":"TemplateProcessing","single":[$A,$S],"special_tokens":{}}"#, "post_processor.special_tokens.s"),
        (
            #"{"type":"TemplateProcessing","single":[$A,$S],"special_tokens":{"s":{"ids":[9999]}}}"#,
            "9999 is out of range"
        ),
        (#"{"type":"Sequence","processors":[{"type":"Other"}]}"#, "post_processor.processors[0].type"),
        (
            #"{"type":"TemplateProcessing","single":[$S,$S,$A],"special_tokens":{"s":{"ids":["#
                + Array(repeating: "1", count: 600).joined(separator: ",") + "]}}}", "at most 1000 tokens"
        ),
        ("[]", "post_processor: expected an object"),
    ])
    func otherPostProcessorsAreRefused(processor: String, message: String) {
        let error = #expect(throws: (any Error).self) { try Self.tokenizer(processor) }
        #expect(error.map { "\($0)".contains(message) } == true, "\(error.map { "\($0)" } ?? "")")
    }

    private static func tokenizer(_ processor: String) throws -> BytePairTokenizer {
        let text = processor.replacingOccurrences(of: "$T", with: #"{"s":{"ids":[701]},"e":{"ids":[700,702]}}"#)
            .replacingOccurrences(of: "$S", with: #"{"SpecialToken":{"id":"s","type_id":0}}"#)
            .replacingOccurrences(of: "$E", with: #"{"SpecialToken":{"id":"e","type_id":0}}"#)
            .replacingOccurrences(of: "$A", with: #"{"Sequence":{"id":"A","type_id":0}}"#)
        let file = String(decoding: try TokenizerFixtures.bytes("qwen2.json"), as: UTF8.self)
            .replacingOccurrences(of: #""post_processor":null"#, with: #""post_processor":\#(text)"#)
        return try BytePairTokenizer(parsing: Array(file.utf8), file: "t.json")
    }

    /// As Swift strings, é and e with U+0301 are equal.
    @Test func spellingsAreComparedByTheirBytes() throws {
        let file = String(decoding: try TokenizerFixtures.bytes("gpt2.json"), as: UTF8.self)
        let one = #"{"id":700,"content":"<|endoftext|>""#
        try #require(file.contains(one))
        func token(_ id: Int, _ text: String) -> String {
            #"{"id":\#(id),"content":"\#(text)","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":false},"#
        }
        let changed = file.replacingOccurrences(
            of: one, with: token(701, "caf\u{E9}") + token(702, "cafe\u{301}") + one
        )
        .replacingOccurrences(of: #""!":0,"#, with: "\"!\":0,\"e\u{301}\":703,")
        let tokenizer = try BytePairTokenizer(parsing: Array(changed.utf8), file: "t.json")
        #expect(tokenizer.encode("caf\u{E9}") == [701] && tokenizer.encode("cafe\u{301}") == [702])
        #expect(
            tokenizer.bytes(of: 701) == Array("caf\u{E9}".utf8) && tokenizer.bytes(of: 702) == Array("cafe\u{301}".utf8)
        )
        // In the vocabulary, é is the byte 0xE9, and e with U+0301 is no text of this alphabet.
        #expect(tokenizer.encode([0xE9]) == (try TokenizerFixtures.tokenizer("gpt2")).encode([0xE9]))
        #expect(tokenizer.bytes(of: 703) == Array("e\u{301}".utf8))
    }
}
