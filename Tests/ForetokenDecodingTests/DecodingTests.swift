import CKernels
import ForetokenFiles
import ForetokenModel
import ForetokenText
import ForetokenTraining
import Testing
import Torch

@testable import ForetokenDecoding

private let prompts = ["for i", "print(", "x", "# the end", "\n\n    é"]

/// Proposes given tokens, which are always, never or sometimes right.
private final class StubDrafter: Drafter {
    private let answer: (Int) -> Int32
    init(_ answer: @escaping (Int) -> Int32) { self.answer = answer }
    func advance(
        _ sequence: DecodingSequence, _ sources: [UnsafeMutablePointer<Float>], rows: Int, position: Int
    ) {}
    func propose(_ sequences: [DecodingSequence], counts: [Int]) {
        for (sequence, count) in zip(sequences, counts) {
            sequence.drafts = (0..<count).map { answer(sequence.committed + 1 + $0) }
        }
    }
}

/// Head 1's logits at every position of a text, in passes of `width` tokens each followed by a rejected one.
func logits(_ decoder: DecodeModel, _ tokens: [Int32], width: Int) throws -> [[Float]] {
    let allocator = BlockAllocator(decoder)
    let cache = KeyValueCache(layers: decoder.nextTokenBlocks, maximum: tokens.count + 1, allocator: allocator)
    var rows: [[Float]] = []
    while rows.count < tokens.count {
        let block = Array(tokens[rows.count..<min(rows.count + width, tokens.count)]) + [99]
        var rowTable: [AttentionMetadata] = []
        try cache.reserve(block.count, position: rows.count, into: &rowTable)
        let size = decoder.configuration.width
        let (x, z, scores) = (FloatBuffer(), FloatBuffer(), FloatBuffer())
        let headOutputs = decoder.nextTokenPath.dropLast().map { _ in FloatBuffer() }
        for output in headOutputs { _ = output.reserve(block.count * size) }
        decoder.backend.embed(block, into: x.reserve(block.count * size))
        var pass = Pass(decoder, allocator)
        try rowTable.withUnsafeBufferPointer { rowTable in
            pass.trunk(
                rowTable: rowTable.baseAddress, rows: block.count, from: x.pointer, to: z.reserve(block.count * size))
            pass.nextToken(
                rowTable: rowTable.baseAddress, rows: block.count, outputs: block.count, from: z.pointer,
                headOutputs: headOutputs.map(\.pointer), to: x.pointer)
            pass.logits(x.pointer, rows: block.count, to: scores.reserve(block.count * 258))
            try pass.run()
        }
        for row in 0..<(block.count - 1) {
            rows.append(Array(UnsafeBufferPointer(start: scores.pointer + row * 258, count: 258)))
        }
        cache.truncate(to: rows.count)
    }
    return rows
}

@Suite(.serialized) struct DecodingTests {
    @Test(arguments: HeadKind.allCases)
    func cachedLogitsEqualTheModelsOwn(kind: HeadKind) throws {
        let model = try TinyModels.trained(kind, heads: 3)
        let decoder = try DecodeModel(reading: model)
        let tokens = prompt("for i in range(10):\n    print(i)")
        let expected = withoutGradient {
            model.allLogits(Tensor(tokens.map(Int64.init), shape: [1, tokens.count]))[0].elements(as: Float.self)
        }
        for (position, row) in try logits(decoder, tokens, width: 1).enumerated() {
            // float32 sums in two orders, over logits of size 10: each is up to 1.2e-5 from float64.
            for v in 0..<258 { #expect(abs(row[v] - expected[position * 258 + v]) < 1e-4) }
        }
    }

    @Test(arguments: HeadKind.allCases)
    func decodedLossIsHead1sAndWeightsInFewerBitsChangeItLittle(kind: HeadKind) throws {
        let model = try TinyModels.trained(kind, heads: 3)
        let texts = [
            prompt("for i in range(10):\n    print(i, i + 1)\n# the end of it, and more of it after the end"),
            prompt("x"),
        ]
        var (sum, count) = (0.0, 0)
        for text in texts {
            let logits = withoutGradient {
                model.allLogits(Tensor(text.map(Int64.init), shape: [1, text.count]))[0].logSoftmax(axis: 2)
                    .elements(as: Float.self)
            }
            for position in 1..<text.count { sum -= Double(logits[(position - 1) * 258 + Int(text[position])]) }
            count += text.count - 1
        }
        let exact = try DecodedLoss(DecodeModel(reading: model), texts: texts)
        #expect(exact.tokens == count)
        // The roundings of 80 logits, up to 1.2e-5 each, leave 3e-7 of the mean; weights in 8 bits change it by 0.008.
        #expect(abs(exact.nats - sum / Double(count)) < 1e-5)
        for format in [WeightFormat.bf16, .int8] {
            let loss = try DecodedLoss(DecodeModel(reading: model, format: format), texts: texts)
            #expect(loss != exact && abs(loss.nats - exact.nats) < 0.05)
        }
        #expect(throws: DecodingError.tokenOutOfRange(token: 258, vocabulary: 258)) {
            try DecodedLoss(DecodeModel(reading: model), texts: [[0, 258]])
        }
    }

    private func untrained(context: Int = 64) throws -> MultiTokenModel {
        try MultiTokenModel(
            ModelConfiguration(
                vocabulary: 258, width: 32, layers: 3, attentionHeads: 4, headDimension: 8, feedForwardWidth: 48,
                heads: 2, headKind: .parallel, contextLength: context, beginningOfText: 256, endOfText: 257), seed: 1)
    }

    /// Rounding to integers must not turn NaN or infinity into ordinary weights.
    @Test(arguments: [Float.nan, .infinity, -.infinity])
    func nonFiniteWeightsAreErrorsInInt8(value: Float) throws {
        let model = try untrained()
        for name in ["model.embed_tokens.weight", "model.layers.1.mlp.up_proj.weight"] {
            let tensor = try #require(model.parameters.first { $0.name == name }).tensor
            let original = tensor.elements(as: Float.self)
            var damaged = original
            // The embedding of token 1, which is not packed.
            damaged[name.contains("embed") ? 32 + 5 : 7] = value
            tensor.assign(Tensor(damaged, shape: tensor.shape))
            if name.contains("embed") {
                let decoder = try DecodeModel(reading: model, format: .int8)
                #expect(throws: DecodingError.notFinite(position: 3)) {
                    try decode(decoder, GenerationRequest(prompt: [256, 4, 1], maximumTokens: 3, heads: 2))
                }
            } else {
                #expect(throws: DecodingError.weightNotFinite(name: name)) {
                    try DecodeModel(reading: model, format: .int8)
                }
            }
            tensor.assign(Tensor(original, shape: tensor.shape))
        }
    }

    @Test func aContextOfMillionsDecodesAsAShorterOneDoes() throws {
        let long = try DecodeModel(reading: untrained(context: 1 << 24))
        let request = GenerationRequest(prompt: prompt("x"), maximumTokens: 2100, heads: 2)
        let text = try decode(long, request)
        #expect(text.1.tokens == (try decode(DecodeModel(reading: untrained(context: 4096)), request)).1.tokens)
        let table = RotaryTable(configuration: long.configuration, positions: 2048)
        let rotary = try #require(long.backend as? CPUBackend).rotary
        for index in table.cosine.indices {
            #expect(rotary.cosine[index] == Float(table.cosine[index]))
            #expect(rotary.sine[index] == Float(table.sine[index]))
        }
    }

    /// A position's logits are bitwise the same in passes of 1, 2, … 16 tokens, at every cache length.
    @Test(arguments: HeadKind.allCases)
    func logitsAreBitwiseTheSameInPassesOfEveryWidth(kind: HeadKind) throws {
        let decoder = try DecodeModel(reading: TinyModels.trained(kind, heads: 2))
        let tokens = (0..<80).map { Int32($0 * 37 % 256) }
        let alone = try logits(decoder, tokens, width: 1)
        for width in 2...16 { #expect(try logits(decoder, tokens, width: width) == alone, "passes of \(width)") }
    }

    @Test(arguments: HeadKind.allCases, [2, 4])
    func speculativeTextEqualsNextTokenText(kind: HeadKind, heads: Int) throws {
        let decoder = try DecodeModel(reading: TinyModels.trained(kind, heads: heads))
        var accepted = 0
        for text in prompts {
            for temperature in [0, 0.7, 1.3] {
                for seed: UInt64 in [0, 1] {
                    var request = GenerationRequest(
                        prompt: prompt(text), maximumTokens: 60, heads: 1,
                        sampler: Sampler(temperature: temperature, seed: seed))
                    let (nextToken, statistics) = try decode(decoder, request)
                    #expect(statistics.tokensPerForward <= 1)
                    for used in 2...heads {
                        request.heads = used
                        let (speculative, counts) = try decode(decoder, request)
                        #expect(speculative == nextToken)
                        #expect(counts.tokens == statistics.tokens)
                        #expect(counts.stopReason == statistics.stopReason)
                        #expect(counts.tokensPerForward <= Double(used))
                        accepted += counts.drafts.accepted
                    }
                }
            }
        }
        #expect(accepted > 50, "drafts must be accepted for this test to mean something")
    }

    @Test func draftersChangeTheSpeedAndNeverTheText() throws {
        let decoder = try DecodeModel(reading: TinyModels.trained(.parallel, heads: 4))
        var request = GenerationRequest(prompt: prompt("for i"), maximumTokens: 40, heads: 1)
        let truth = try decode(decoder, request).1.tokens
        request.heads = 4
        let start = request.prompt.count
        func right(_ position: Int) -> Int32 { truth.indices.contains(position - start) ? truth[position - start] : 0 }
        func forwards(_ answer: @escaping (Int) -> Int32) throws -> Int {
            let session = try DecodingSession(
                DecodeEngine(decoder, drafter: StubDrafter(answer)), request, tokenizer: ByteTokenizer())
            while try session.step() != nil {}
            #expect(session.statistics.tokens == truth)
            return session.statistics.forwards
        }
        #expect(truth.count == 40)
        // The prompt's pass gives 1 token and 39 more need ⌈39/4⌉ passes of 4.
        #expect(try forwards(right) == 11)
        #expect(try forwards { right($0) ^ 1 } == 40)
        let sometimes = try forwards { $0 % 3 == 0 ? right($0) ^ 1 : right($0) }
        #expect((12..<40).contains(sometimes))
    }

    @Test(arguments: HeadKind.allCases)
    func limitsEndTheTextAtEveryOffsetOfABlock(kind: HeadKind) throws {
        let decoder = try DecodeModel(reading: TinyModels.trained(kind, heads: 4))
        var request = GenerationRequest(prompt: prompt("for i"), maximumTokens: 30, heads: 1)
        let (text, whole) = try decode(decoder, request)
        request.heads = 4
        for limit in 1...30 {
            request.maximumTokens = limit
            let (_, statistics) = try decode(decoder, request)
            #expect(statistics.tokens == Array(whole.tokens.prefix(limit)))
            #expect(statistics.stopReason == .maximumTokens)
        }
        request.maximumTokens = 30
        let characters = Array(text)
        for offset in 0..<(characters.count - 3) {
            let stop = String(characters[offset..<(offset + 3)])
            request.stopStrings = [stop]
            let (stopped, statistics) = try decode(decoder, request)
            let end = try #require(text.firstRange(of: stop)).lowerBound
            #expect(stopped == String(text[..<end]))
            #expect(statistics.stopReason == .stopString)
        }
    }

    @Test func endOfTextInsideABlockEndsTheText() throws {
        let model = try TinyModels.trained(.parallel, heads: 4)
        let free = try decode(
            DecodeModel(reading: model), GenerationRequest(prompt: prompt("for i"), maximumTokens: 12, heads: 1)
        ).1
        // The same weights with another end-of-text token: each token of the text in turn.
        for (offset, token) in free.tokens.enumerated() where free.tokens.firstIndex(of: token) == offset {
            var configuration = model.configuration
            configuration.endOfText = token
            let other = try MultiTokenModel(configuration, seed: nil)
            for (to, from) in zip(other.parameters, model.parameters) { to.tensor.assign(from.tensor) }
            for heads in [1, 4] {
                let (_, statistics) = try decode(
                    DecodeModel(reading: other),
                    GenerationRequest(prompt: prompt("for i"), maximumTokens: 12, heads: heads))
                #expect(statistics.tokens == Array(free.tokens.prefix(offset)))
                #expect(statistics.stopReason == .endOfText)
            }
        }
    }

    @Test func theContextsEndStopsTheTextInBothWays() throws {
        let decoder = try DecodeModel(reading: TinyModels.trained(.linear, heads: 4, context: 40))
        for heads in [1, 4] {
            let (_, statistics) = try decode(
                decoder, GenerationRequest(prompt: prompt("for i"), maximumTokens: 500, heads: heads))
            #expect(statistics.stopReason == .contextFull)
            #expect(statistics.tokens.count == 40 - 6)
        }
    }

    @Test func invalidRequestsAreRefused() throws {
        let decoder = try DecodeModel(reading: TinyModels.trained(.parallel, heads: 2, context: 16))
        func error(_ request: GenerationRequest) -> DecodingError? {
            #expect(throws: DecodingError.self) { try DecodingSession(decoder, request, tokenizer: ByteTokenizer()) }
        }
        #expect(error(GenerationRequest(prompt: [], maximumTokens: 1, heads: 1)) == .emptyPrompt)
        #expect(
            error(GenerationRequest(prompt: [Int32](repeating: 1, count: 16), maximumTokens: 1, heads: 1))
                == .promptTooLong(tokens: 16, contextLength: 16))
        #expect(
            error(GenerationRequest(prompt: [258], maximumTokens: 1, heads: 1))
                == .tokenOutOfRange(token: 258, vocabulary: 258))
        #expect(
            error(GenerationRequest(prompt: [1], maximumTokens: 1, heads: 3)) == .tooManyHeads(asked: 3, available: 2))
    }

    @Test func streamsGiveTheSameTextAndStopWhenCancelled() async throws {
        let decoder = try DecodeModel(reading: TinyModels.trained(.linear, heads: 3))
        let request = GenerationRequest(prompt: prompt("print("), maximumTokens: 30, heads: 3)
        var text = ""
        let engine = BatchEngine(decoder, tokenizer: ByteTokenizer())
        for try await pieces in try await engine.submit(request) { text += pieces.map(\.text).joined() }
        #expect(try text == decode(decoder, request).0)
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            for try await _ in try await engine.submit(request) { Issue.record("decoded in a cancelled task") }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    /// Chi-square of sampled first tokens against head 1's softmax, over seeds: speculation does not change the distribution.
    @Test func sampledTokensFollowHeadOnesDistribution() throws {
        let model = try TinyModels.trained(.linear, heads: 3)
        let decoder = try DecodeModel(reading: model)
        let temperature = 1.5
        let tokens = prompt("for i in r")
        let logits = withoutGradient {
            (model.allLogits(Tensor(tokens.map(Int64.init), shape: [1, tokens.count]))[0]
                .narrowed(axis: 1, from: tokens.count - 1, count: 1).reshaped(-1) * (1 / temperature)).softmax(axis: 0)
                .elements(as: Float.self)
        }
        let draws = 2000
        var counts = [Int](repeating: 0, count: 258)
        for seed in 0..<draws {
            let (_, statistics) = try decode(
                decoder,
                GenerationRequest(
                    prompt: tokens, maximumTokens: 1, heads: 3,
                    sampler: Sampler(temperature: temperature, seed: UInt64(seed))))
            counts[Int(statistics.tokens.first ?? 257)] += 1
        }
        // Outcomes expected fewer than 5 times are one class.
        var (statistic, freedom, restCount, restExpected) = (0.0, -1, 0, 0.0)
        for (count, probability) in zip(counts, logits) {
            let expected = Double(probability) * Double(draws)
            if expected < 5 {
                (restCount, restExpected) = (restCount + count, restExpected + expected)
            } else {
                statistic += (Double(count) - expected) * (Double(count) - expected) / expected
                freedom += 1
            }
        }
        if restExpected >= 5 {
            statistic += (Double(restCount) - restExpected) * (Double(restCount) - restExpected) / restExpected
            freedom += 1
        }
        // Mean f, variance 2f: five standard deviations.
        #expect(statistic < Double(freedom) + 5 * (2 * Double(max(1, freedom))).squareRoot())
    }
}
