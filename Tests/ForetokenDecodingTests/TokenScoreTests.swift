import ForetokenFiles
import ForetokenModel
import ForetokenText
import Foundation
import Testing

@testable import ForetokenDecoding

/// The log-probabilities of generated tokens and of prompts.
@Suite(.serialized) @ComputeActor struct TokenScoreTests {
    private static let text =
        "for i in range(10):\n    print(i, i + 1)\n# the end é of it, and more of it after the end. And so on"

    private func collect(_ stream: GenerationStream) async throws -> ([TextPiece], GenerationStatistics, [TokenScores])
    {
        var pieces: [TextPiece] = []
        for try await block in stream { pieces += block }
        return (pieces, await stream.statistics, await stream.promptScores)
    }

    /// By brute force from a row of logits.
    @Test func theLikeliestComeFirstAndOfEqualOnesTheLowerNumber() {
        var generator = SplitMix64(seed: 3)
        for _ in 0..<300 {
            let values = (0..<1 + Int(generator.next() % 40)).map { _ in Float(Int(generator.next() % 9)) - 4 }
            let count = Int(generator.next() % 12)
            let expected = values.indices.sorted { (values[$0], $1) > (values[$1], $0) }.prefix(count)
            values.withUnsafeBufferPointer { values in
                #expect(values.largest(count) == expected.map(Int32.init))
                let all = LogProbabilities(values)
                let sum = values.indices.reduce(0.0) { $0 + exp(all[Int32($1)]) }
                #expect(abs(sum - 1) < 1e-12)
            }
        }
    }

    /// Kinds × numbers of heads × samplers: tokens, their scores and the likeliest tokens do not depend on the drafts, on other
    /// requests, or on whether the prompt is scored, bit for bit.
    @Test(arguments: HeadKind.allCases) func scoresAreThoseOfNextTokenDecoding(kind: HeadKind) async throws {
        let model = try DecodeModel(reading: TinyModels.trained(kind, heads: 4))
        let engine = BatchEngine(model, tokenizer: ByteTokenizer())
        var penalised = Sampler(temperature: 0.7, seed: 5)
        (penalised.repetitionPenalty, penalised.logitBias) = (1.2, [97: 2])
        var drafted = 0
        for sampler in [Sampler(), Sampler(temperature: 1, seed: 2), penalised] {
            var streams: [GenerationStream] = []
            for heads in 1...4 {
                for scoresPrompt in [false, true] {
                    var request = GenerationRequest(
                        prompt: prompt("for i in"), maximumTokens: 40, heads: heads, sampler: sampler)
                    (request.logProbabilities, request.scoresPrompt) = (3, scoresPrompt)
                    streams.append(try engine.submit(request))
                }
            }
            var first: [TextPiece]?
            for stream in streams {
                let (pieces, statistics, _) = try await collect(stream)
                #expect(pieces.compactMap(\.token) == statistics.tokens + [statistics.endToken].compactMap(\.self))
                #expect(pieces.count(where: \.isDraft) == statistics.drafts.accepted)
                drafted += statistics.drafts.accepted
                let scores = pieces.map(\.scores)
                for piece in pieces {
                    let scores = try #require(piece.scores)
                    #expect(scores.top.count == 3 && scores.token == piece.token)
                    #expect(scores.logProbability <= scores.top[0].logProbability)
                    if sampler == Sampler() {
                        #expect(scores.top[0] == .init(token: scores.token, logProbability: scores.logProbability))
                    }
                }
                #expect(scores == (first ?? pieces).map(\.scores))
                first = first ?? pieces
            }
        }
        #expect(drafted > 50)
    }

    /// Prompts of one chunk and of several, alone, together, with completions, and after the prefix cache has them.
    @Test(arguments: HeadKind.allCases, [1, 3])
    func promptScoresAreTheDecodedLoss(kind: HeadKind, heads: Int) async throws {
        let model = try DecodeModel(reading: TinyModels.trained(kind, heads: 3, context: 160))
        let texts = [
            prompt(Self.text), prompt("x"), prompt(String(Self.text.prefix(62))), prompt(String(Self.text.prefix(64))),
        ]
        let engine = BatchEngine(model, tokenizer: ByteTokenizer())
        for _ in 0..<2 {
            var streams: [[GenerationStream]] = []
            for text in texts {
                for maximum in [0, 1, 5] {
                    var request = GenerationRequest(prompt: text, maximumTokens: maximum, heads: heads)
                    (request.logProbabilities, request.scoresPrompt) = (2, true)
                    streams.append(try engine.submit(request, completions: maximum == 5 ? 3 : 1))
                }
            }
            for (index, group) in streams.enumerated() {
                let text = texts[index / 3]
                let loss = try DecodedLoss(model, texts: [text])
                for stream in group {
                    let (pieces, statistics, scores) = try await collect(stream)
                    #expect(statistics.tokens.count == [0, 1, 5][index % 3] || statistics.stopReason == .endOfText)
                    #expect(pieces.count == statistics.tokens.count + (statistics.endToken == nil ? 0 : 1))
                    #expect(scores.map(\.token) == Array(text.dropFirst()))
                    let sum = scores.reduce(0.0) { $0 - $1.logProbability }
                    #expect(sum / Double(max(1, scores.count)) == loss.nats)
                }
            }
        }
    }

    /// With no tokens to generate, a prompt may be as long as the context, and nothing is drafted.
    @Test func aPromptThatFillsTheContextIsScored() async throws {
        let model = try DecodeModel(reading: TinyModels.trained(.parallel, heads: 2))
        let engine = BatchEngine(model, tokenizer: ByteTokenizer())
        let full = (0..<96).map { Int32(32 + $0 % 90) }
        var request = GenerationRequest(prompt: full, maximumTokens: 0, heads: 2)
        request.scoresPrompt = true
        let (pieces, statistics, scores) = try await collect(engine.submit(request))
        #expect(pieces.isEmpty && statistics.stopReason == .maximumTokens && scores.count == 95)
        request.maximumTokens = 1
        #expect(throws: DecodingError.promptTooLong(tokens: 96, contextLength: 96)) { try engine.submit(request) }
        (request.prompt, request.maximumTokens) = (full + [65], 0)
        #expect(throws: DecodingError.promptTooLong(tokens: 97, contextLength: 96)) { try engine.submit(request) }
        for bad in [(-1, 0), (3, -1)] {
            (request.prompt, request.maximumTokens, request.logProbabilities) = ([1], bad.0, bad.1)
            #expect(throws: DecodingError.self) { try engine.submit(request) }
        }
    }

    /// A text that ends in a stop string, whose tokens lie across it, has the tokens of its text.
    @Test func piecesAreOnePerToken() {
        func pieces(_ tokens: [String], stop: [String]) -> ([String], String?) {
            var assembler = TextAssembler(stopStrings: stop)
            var texts: [String] = []
            for (index, token) in tokens.enumerated() {
                let (pieces, stop) = assembler.push(Array(token.utf8), TextPiece(token: Int32(index)))
                for piece in pieces { texts.append("\(piece.token ?? -1)\(piece.text)") }
                if let stop { return (texts + assembler.finish().map { "\($0.token ?? -1)\($0.text)" }, stop) }
            }
            return (texts + assembler.finish().map { "\($0.token ?? -1)\($0.text)" }, nil)
        }
        #expect(pieces(["a", "bc", "d"], stop: ["cd"]) == (["0a", "1b"], "cd"))
        #expect(pieces(["a", "bc", "e"], stop: ["cd"]) == (["0a", "1bc", "2e"], nil))
        #expect(
            pieces(["a", "", "bcd"], stop: ["bc"]) == (["0a"], "bc")
                || pieces(["a", "", "bcd"], stop: ["bc"]) == (["0a", "1"], "bc"))
        #expect(pieces(["cd"], stop: ["cd"]) == ([], "cd"))
        #expect(pieces(["c", "c", "d"], stop: ["cd"]) == (["0c"], "cd"))
    }

    /// The token that ends a text is no part of it, but a pass gave it.
    @Test func theEndIsCountedAsAPassesToken() async throws {
        let model = try DecodeModel(reading: TinyModels.trained(.parallel, heads: 3))
        let engine = BatchEngine(model, tokenizer: ByteTokenizer())
        for heads in 1...3 {
            var request = GenerationRequest(prompt: prompt("for i in"), maximumTokens: 30, heads: heads)
            request.sampler.logitBias = [257: 30]
            request.logProbabilities = 1
            let (pieces, statistics, _) = try await collect(engine.submit(request))
            // Its score is there: evaluation harnesses leave out the last one.
            #expect(pieces.map(\.token) == [257] && pieces[0].text.isEmpty && pieces[0].scores?.token == 257)
            #expect(statistics.endToken == 257 && statistics.tokens.isEmpty && statistics.tokensPerForward == 1)
        }
    }
}
