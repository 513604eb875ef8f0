import ForetokenDevices
import ForetokenFiles
import ForetokenModel
import ForetokenText
import ForetokenTraining
import Testing
import Torch

@testable import ForetokenDecoding

/// Where ATen runs the passes: on the CPU, and on a GPU if there is one.
private enum Target: CaseIterable, CustomTestStringConvertible {
    case cpu
    /// Recorded passes that are replayed, as with CUDA graphs.
    case recorded
    case gpu
    var device: Device { self == .gpu ? .cuda(0) : .cpu }
    var testDescription: String {
        switch self {
        case .cpu: "ATen on the CPU"
        case .recorded: "recorded on the CPU"
        case .gpu: "GPU"
        }
    }
    static var present: [Target] { LibTorch.hasCUDA ? allCases : [.cpu, .recorded] }
}

/// A model on the ATen backend.
private func moved(
    _ model: MultiTokenModel, to target: Target, _ format: WeightFormat = .f32, tile: Int = 0
) throws -> DecodeModel {
    let backend = try ATenBackend(model, format: format, device: target.device, tile: tile)
    if target == .recorded { backend.replayOperations() }
    return DecodeModel(model.configuration, backend: backend)
}

private let text = prompt("for i in range(10):\n    print(i, i + 1)\n# the end")

/// Expects the tokens of our own kernels. The two backends sum in different orders, which also depend on the instruction set, and
/// their logits differ by less than 1e-4 (`logitsEqualTheKernelsOwn`). If such a difference changes a token, either token is right
/// and the rest of the texts is not compared.
private func expectSame(
    _ tokens: [Int32], _ expected: [Int32], _ request: GenerationRequest, _ kernels: DecodeModel,
    location: SourceLocation = #_sourceLocation
) throws {
    guard tokens != expected else { return }
    let index = zip(tokens, expected).prefix { $0 == $1 }.count
    // A text below the maximum length ended with the end-of-text token.
    let token = index < tokens.count ? tokens[index] : 257
    let before: [Int32] = request.prompt + expected.prefix(index)
    var scores = try #require(try logits(kernels, before, width: 1).last, sourceLocation: location)
    scores[Int(token)] += 2e-4
    let chosen = try request.sampler.token(scores, position: before.count)
    #expect(chosen == token, "token \(index) of \(tokens) is not that of \(expected)", sourceLocation: location)
}

@Suite(.serialized) struct DevicePassTests {
    @Test(arguments: HeadKind.allCases, Target.present)
    fileprivate func logitsEqualTheKernelsOwn(kind: HeadKind, target: Target) throws {
        let model = try TinyModels.trained(kind, heads: 3)
        let expected = try logits(DecodeModel(reading: model), text, width: 1)
        for width in [1, 5] {
            for (own, other) in zip(try logits(moved(model, to: target), text, width: width), expected) {
                for (a, b) in zip(own, other) { #expect(abs(a - b) < 1e-4) }
            }
        }
    }

    @Test(arguments: BlockVariant.all, Target.present)
    fileprivate func biasesNormsScalingsAndWindows(variant: BlockVariant, target: Target) throws {
        let model = try BlockVariantTests.model(variant)
        let expected = try logits(DecodeModel(reading: model), text, width: 2)
        for (own, other) in zip(try logits(moved(model, to: target), text, width: 2), expected) {
            for (a, b) in zip(own, other) { #expect(abs(a - b) < 1e-4) }
        }
    }

    /// bfloat16 also rounds the inputs of GEMMs; the loss measures the effect.
    @Test(arguments: Target.present)
    fileprivate func bfloat16ChangesTheLossLittle(target: Target) throws {
        let model = try TinyModels.trained(.parallel, heads: 2)
        let exact = try DecodedLoss(DecodeModel(reading: model), texts: [text])
        let rounded = try DecodedLoss(moved(model, to: target, .bf16), texts: [text])
        #expect(rounded != exact && abs(rounded.nats - exact.nats) < 0.05)
    }

    /// Own final norms differ from the shared one by what a short training changes; the drafts must be those of our kernels.
    @Test(arguments: [HeadKind.linear, .deepseek], Target.present)
    fileprivate func finalNormsOfTheirOwnDraftTheSame(kind: HeadKind, target: Target) throws {
        let model = try TinyModels.trained(kind, heads: 3, finalNorm: .replicated)
        let (own, kernels) = (try moved(model, to: target), try DecodeModel(reading: model))
        let request = GenerationRequest(prompt: prompt("for i"), maximumTokens: 30, heads: 3)
        let (theirs, ours) = (try decode(kernels, request).1, try decode(own, request).1)
        try expectSame(ours.tokens, theirs.tokens, request, kernels)
        #expect(theirs.drafts.accepted > 5)
        if ours.tokens == theirs.tokens { #expect(abs(ours.drafts.accepted - theirs.drafts.accepted) <= 1) }
    }

    @Test(arguments: HeadKind.allCases, Target.present)
    fileprivate func speculativeTextEqualsNextTokenText(kind: HeadKind, target: Target) throws {
        let model = try TinyModels.trained(kind, heads: 4)
        let (own, kernels) = (try moved(model, to: target), try DecodeModel(reading: model))
        var accepted = 0
        for start in ["for i", "# the end"] {
            for temperature in [0, 0.8] {
                var request = GenerationRequest(
                    prompt: prompt(start), maximumTokens: 30, heads: 1, sampler: Sampler(temperature: temperature))
                let nextToken = try decode(kernels, request).1.tokens
                for heads in [1, 4] {
                    request.heads = heads
                    let statistics = try decode(own, request).1
                    try expectSame(statistics.tokens, nextToken, request, kernels)
                    accepted += statistics.drafts.accepted
                }
            }
        }
        #expect(accepted > 20)
        if target == .recorded { #expect(try #require(own.backend as? ATenBackend).replays > 100) }
    }

    /// A recording depends on nothing that its key does not contain.
    @Test(arguments: [0, 9])
    fileprivate func recordedPassesAreThePassesThemselves(tile: Int) throws {
        let model = try TinyModels.trained(.causal, heads: 3)
        let (direct, recorded) = (try moved(model, to: .cpu, tile: tile), try moved(model, to: .recorded, tile: tile))
        for start in ["for i in range(10):", "# the end", "x"] {
            for width in [1, 2, 5] {
                let text = prompt(start + "\n    print(i, i + 1)")
                #expect(try logits(recorded, text, width: width) == logits(direct, text, width: width))
            }
        }
        #expect(try #require(recorded.backend as? ATenBackend).replays > 50)
    }

    /// With one shape for all passes a GPU's logits are bitwise the same in passes of 1 and of 8 tokens. MKL's GEMM
    /// treats rows differently by index, so on the CPU the logits are only close.
    @Test(arguments: HeadKind.allCases, Target.present)
    fileprivate func exactPasses(kind: HeadKind, target: Target) throws {
        let decoder = try moved(TinyModels.trained(kind, heads: 2), to: target, tile: 9)
        #expect(decoder.isExact)
        let alone = try logits(decoder, text, width: 1)
        for width in [2, 8] {
            let together = try logits(decoder, text, width: width)
            if target == .gpu { #expect(together == alone, "passes of \(width)") }
            for (own, other) in zip(alone, together) { for (a, b) in zip(own, other) { #expect(abs(a - b) < 1e-4) } }
        }
        let close = try logits(DecodeModel(reading: TinyModels.trained(kind, heads: 2)), text, width: 1)
        for (own, other) in zip(alone, close) { for (a, b) in zip(own, other) { #expect(abs(a - b) < 1e-4) } }
    }

    /// Requests join, share a prompt, reuse prefixes and pages; every text equals that of its request alone.
    @ComputeActor
    @Test(arguments: [HeadKind.parallel, .deepseek], Target.present)
    fileprivate func aBatchGivesEveryRequestItsOwnText(kind: HeadKind, target: Target) async throws {
        let model = try TinyModels.trained(kind, heads: 3)
        let (own, kernels) = (try moved(model, to: target), try DecodeModel(reading: model))
        var limits = BatchEngine.Limits()
        limits.sequences = 4
        limits.cacheBytes = 200 * BlockAllocator(own).bytesPerPage
        let engine = BatchEngine(own, tokenizer: ByteTokenizer(), limits: limits)
        for round in 0..<3 {
            var expected: [(request: GenerationRequest, tokens: [Int32])] = []
            var streams: [GenerationStream] = []
            for (index, start) in ["for i in range(10):\n  ", "x", "print(i, i + 1", "# the end"].enumerated() {
                let request = GenerationRequest(
                    prompt: prompt(start), maximumTokens: 20 + index, heads: 1 + (index + 3 - round) % 3,
                    sampler: Sampler(temperature: 0.7, seed: UInt64(round)))
                for sample in 0..<2 {
                    var alone = request
                    alone.sampler.seed += UInt64(sample)
                    expected.append((alone, try decode(kernels, alone).1.tokens))
                }
                streams += try engine.submit(request, completions: 2)
            }
            for (stream, (request, tokens)) in zip(streams, expected) {
                for try await _ in stream {}
                try expectSame(await stream.statistics.tokens, tokens, request, kernels)
            }
        }
        #expect(engine.counters.reusedPromptTokens > 0)
        engine.clearPrefixCache()
        #expect(engine.pagesInUse == 0)
    }

    /// NaN in a page does not affect the page's next owner.
    @Test(arguments: Target.present)
    fileprivate func notANumberDoesNotSurviveInAPage(target: Target) throws {
        let model = try TinyModels.trained(.parallel, heads: 2)
        let decoder = try moved(model, to: target)
        let allocator = BlockAllocator(decoder)
        func run(_ value: Float?) throws -> [Float] {
            let cache = KeyValueCache(layers: decoder.nextTokenBlocks, maximum: 4, allocator: allocator)
            var rowTable: [AttentionMetadata] = []
            try cache.reserve(value == nil ? 2 : 4, position: 0, into: &rowTable)
            let (x, z) = (FloatBuffer(), FloatBuffer())
            let (rows, width) = (rowTable.count, decoder.configuration.width)
            decoder.backend.embed(Array([1, 2, 3, 4].prefix(rows)), into: x.reserve(rows * width))
            if let value { x.pointer.update(repeating: value, count: rows * width) }
            try rowTable.withUnsafeBufferPointer { rowTable in
                var pass = Pass(decoder, allocator)
                pass.trunk(rowTable: rowTable.baseAddress, rows: rows, from: x.pointer, to: z.reserve(rows * width))
                try pass.run()
            }
            return Array(UnsafeBufferPointer(start: z.pointer, count: rows * width))
        }
        let clean = try run(nil)
        #expect(try run(.nan).allSatisfy(\.isNaN))
        #expect(try run(nil) == clean)
    }

    @Test func eightBitWeightsAreForTheCPU() throws {
        #expect(throws: DecodingError.int8NeedsCPU) {
            try DecodeModel(reading: TinyModels.trained(.linear, heads: 2), format: .int8, device: .cuda(0))
        }
    }
}
