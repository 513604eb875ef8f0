import ForetokenModel
import ForetokenTraining
import Foundation
import Testing
import Torch

@testable import ForetokenDecoding

/// Blocks with random biases, query and key norms, RoPE scaling and windows.
struct BlockVariant: Sendable, CustomTestStringConvertible {
    var bias = AttentionBias.none
    var norm = false
    var feedForwardBias = false
    var window: SlidingWindow?
    var scaling = RopeScaling.llama3(
        RopeScaling.Llama3(factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: 16))
    var testDescription: String {
        "bias \(bias) \(feedForwardBias) norm \(norm) window \(window.map { "\($0.size) from \($0.firstLayer)" } ?? "none")"
    }

    static let all = [
        BlockVariant(bias: .inputs), BlockVariant(bias: .all), BlockVariant(norm: true),
        BlockVariant(bias: .all, norm: true), BlockVariant(window: SlidingWindow(size: 9)),
        BlockVariant(norm: true, window: SlidingWindow(size: 33, firstLayer: 2), scaling: .linear(factor: 3)),
        BlockVariant(
            feedForwardBias: true, window: SlidingWindow(size: 1),
            scaling: .yarn(RopeScaling.Yarn(factor: 4, originalContext: 24))),
        BlockVariant(bias: .all, feedForwardBias: true),
    ]
}

@Suite(.serialized) struct BlockVariantTests {
    static func model(_ variant: BlockVariant, tied: Bool = false) throws -> MultiTokenModel {
        let model = try MultiTokenModel(
            ModelConfiguration(
                vocabulary: 258, width: 32, layers: 5, attentionHeads: 4, keyValueHeads: 2, headDimension: 10,
                feedForwardWidth: 50, heads: 3, contextLength: 96, ropeScaling: variant.scaling,
                attentionBias: variant.bias, queryKeyNorm: variant.norm, feedForwardBias: variant.feedForwardBias,
                slidingWindow: variant.window, tieEmbeddings: tied, beginningOfText: 256, endOfText: 257),
            seed: 5)
        for (number, parameter) in model.parameters.enumerated() where !parameter.isMatrix {
            let random = Tensor.normal(
                parameter.tensor.shape, standardDeviation: 0.3, generator: Generator(seed: UInt64(number)))
            parameter.tensor.assign(parameter.tensor.detached() + random)
        }
        return model
    }

    @Test(arguments: BlockVariant.all)
    func cachedLogitsEqualTheModelsOwn(variant: BlockVariant) throws {
        let model = try Self.model(variant)
        let tokens = (0..<60).map { Int32($0 * 37 % 256) }
        let expected: [Float] = withoutGradient {
            model.allLogits(Tensor(tokens.map(Int64.init), shape: [1, tokens.count]))[0].elements()
        }
        for (position, row) in try logits(DecodeModel(reading: model), tokens, width: 3).enumerated() {
            // float32 sums in two orders, over logits of size 5: each is up to 2e-6 from float64.
            for v in 0..<258 { #expect(abs(row[v] - expected[position * 258 + v]) < 1e-4) }
        }
    }

    @Test(arguments: BlockVariant.all, WeightFormat.allCases)
    func logitsAreBitwiseTheSameInPassesOfEveryWidth(
        variant: BlockVariant, format: WeightFormat
    ) throws {
        let decoder = try DecodeModel(reading: Self.model(variant), format: format)
        let tokens = (0..<40).map { Int32($0 * 37 % 256) }
        let alone = try logits(decoder, tokens, width: 1)
        for width in [2, 3, 5, 8, 16] { #expect(try logits(decoder, tokens, width: width) == alone) }
    }

    @Test(arguments: BlockVariant.all)
    func speculativeTextEqualsNextTokenText(variant: BlockVariant) throws {
        let decoder = try DecodeModel(reading: Self.model(variant))
        for text in ["for i", "x", "# the end"] {
            for temperature in [0, 1.0] {
                var request = GenerationRequest(
                    prompt: prompt(text), maximumTokens: 40, heads: 1, sampler: Sampler(temperature: temperature))
                let nextToken = try decode(decoder, request).1.tokens
                request.heads = 3
                #expect(try decode(decoder, request).1.tokens == nextToken)
            }
        }
    }

    /// Packing from the files gives the numbers that packing a model in memory gives.
    @Test(arguments: [HeadKind.parallel, .linear], WeightFormat.allCases)
    func weightsReadFromAFolderAreThoseOfTheModel(kind: HeadKind, format: WeightFormat) throws {
        let model =
            try kind == .parallel
            ? Self.model(BlockVariant(bias: .all, norm: true, feedForwardBias: true), tied: true)
            : TinyModels.trained(.linear, heads: 3)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("foretoken-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try ModelFolder.write(model, to: folder)
        let decoder = try DecodeModel(reading: ModelFolder.source(folder), format: format)
        let tokens = (0..<20).map { Int32($0 * 37 % 256) }
        #expect(
            try logits(decoder, tokens, width: 4)
                == logits(DecodeModel(reading: model, format: format), tokens, width: 4))
    }

    /// At most one unpacked tensor is in memory at a time.
    @Test func packingFromAFolderHoldsOneTensorMore() throws {
        let shape = ModelConfiguration(
            vocabulary: 258, width: 256, layers: 12, attentionHeads: 4, feedForwardWidth: 1024, heads: 2,
            contextLength: 32)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("foretoken-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try ModelFolder.write(MultiTokenModel(shape, seed: 1), to: folder)
        let before = HostMemory.current
        let source = CountingSource(source: try ModelFolder.source(folder))
        let decoder = try DecodeModel(reading: source)
        let held = HostMemory.current - before
        let packed = 4 * (try ModelOutline(shape).parameters.reduce(0) { $0 + $1.count })
        #expect(withExtendedLifetime(decoder) { held } >= packed)
        // The arenas for weights and for host weights allocate chunks of 32 MiB.
        #expect(held < packed + (2 << 25))
        #expect(source.mostOpen == 1 && source.opened >= 12 * 9)
    }

    /// Counts how many parameters are read at the same time.
    private final class CountingSource: WeightSource {
        private let source: any WeightSource
        private var open = 0
        private(set) var mostOpen = 0
        private(set) var opened = 0
        init(source: any WeightSource) { self.source = source }
        var configuration: ModelConfiguration { source.configuration }
        var file: String { source.file }
        func weight(_ parameter: String) throws -> StoredWeight { try source.weight(parameter) }
        func withBytes<Result>(
            of parameter: String, _ body: (UnsafeRawBufferPointer) throws -> Result
        ) throws -> Result {
            (open, opened) = (open + 1, opened + 1)
            mostOpen = max(mostOpen, open)
            defer { open -= 1 }
            return try source.withBytes(of: parameter, body)
        }
    }
}
