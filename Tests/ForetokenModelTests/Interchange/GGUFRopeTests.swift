import ForetokenFiles
import ForetokenFormats
import ForetokenText
import Foundation
import Testing

@testable import ForetokenModel

@Suite struct GGUFRopeTests {
    /// llama.cpp's keys of linear scaling and YaRN, in every form.
    @Test func ropeScalingIsRead() throws {
        let scratch = try Scratch()
        func read(_ values: [(String, GGUFValue)], _ name: String = "qwen2") throws -> ModelConfiguration {
            let url = scratch.file("\(UUID().uuidString).gguf")
            try GGUFFixture(name: name).rewritten(
                to: url,
                metadata: { metadata in
                    for (key, value) in values { metadata.set("\(name == "qwen2" ? "qwen2" : "llama").\(key)", value) }
                })
            return try ModelFolder.configuration(of: url)
        }
        func scaling(_ values: [(String, GGUFValue)]) throws -> RopeScaling? { try read(values).ropeScaling }
        #expect(try scaling([("rope.scaling.type", .string("none")), ("rope.scaling.factor", .float32(4))]) == nil)
        #expect(try scaling([("rope.scaling.factor", .float32(1))]) == nil)
        #expect(try scaling([("rope.scaling.factor", .float32(4))]) == .linear(factor: 4))
        #expect(try scaling([("rope.scale_linear", .float32(2.5))]) == .linear(factor: 2.5))
        #expect(
            try scaling([("rope.scaling.type", .string("linear")), ("rope.scaling.factor", .float32(8))])
                == .linear(factor: 8))
        let yarn: [(String, GGUFValue)] = [
            ("rope.scaling.type", .string("yarn")), ("rope.scaling.factor", .float32(4)),
            ("rope.scaling.original_context_length", .uint32(16)), ("rope.scaling.finetuned", .bool(true)),
        ]
        #expect(try scaling(yarn) == .yarn(.init(factor: 4, originalContext: 16)))
        #expect(try read(yarn).contextLength == 64)
        #expect(
            try scaling(
                yarn + [("rope.scaling.yarn_beta_fast", .float32(16)), ("rope.scaling.yarn_beta_slow", .float32(2))])
                == .yarn(.init(factor: 4, originalContext: 16, betaFast: 16, betaSlow: 2)))
        // The context that files give may be the original one.
        let original = try read(Array(yarn[0..<2]))
        #expect(original.ropeScaling == .yarn(.init(factor: 4, originalContext: 64)) && original.contextLength == 256)
    }

    /// What a file can hold comes back; biases of the feed-forward, too. What it cannot is refused.
    @Test func everyRopeScalingAndBiasComesBack() throws {
        let scratch = try Scratch()
        func back(_ change: (inout ModelConfiguration) -> Void) throws -> (ModelConfiguration, ModelConfiguration) {
            var configuration = ModelConfiguration(
                vocabulary: 40, width: 32, layers: 2, attentionHeads: 4, feedForwardWidth: 64, heads: 1,
                contextLength: 64)
            change(&configuration)
            let (folder, file) = (scratch.file(UUID().uuidString), scratch.file("\(UUID().uuidString).gguf"))
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
            try ModelFolder.write(RandomWeights(configuration), to: folder)
            _ = try Conversion.run(from: folder, to: file, format: .gguf)
            let source = try ModelFolder.source(file)
            for parameter in try ModelOutline(configuration).parameters {
                let expected = try RandomWeights(configuration).withFloats(of: parameter.name) { Array($0) }
                #expect(try source.withFloats(of: parameter.name) { Array($0) } == expected, "\(parameter.name)")
            }
            return (configuration, source.configuration)
        }
        let scalings: [RopeScaling] = [
            .linear(factor: 2.5), .yarn(.init(factor: 4, originalContext: 16)),
            .yarn(.init(factor: 8, originalContext: 32, betaFast: 16, betaSlow: 2)),
        ]
        for scaling in scalings {
            for bias in [AttentionBias.none, .inputs] {
                let (before, after) = try back { ($0.ropeScaling, $0.attentionBias) = (scaling, bias) }
                #expect(before == after)
            }
        }
        let llama3 = RopeScaling.llama3(
            .init(factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: 16))
        let (before, after) = try back { ($0.ropeScaling, $0.feedForwardBias) = (llama3, true) }
        #expect(before == after && after.feedForwardBias)
        // Within the original context it changes nothing.
        #expect(try back { $0.ropeScaling = .dynamic(factor: 2, originalContext: 64) }.1.ropeScaling == nil)
        for (change, word) in [
            ({ ($0.ropeScaling, $0.queryKeyNorm) = (llama3, true) }, "qwen3"),
            ({ $0.ropeScaling = .yarn(.init(factor: 4, originalContext: 16, attentionFactor: 1)) }, "YaRN"),
            ({ $0.ropeScaling = .yarn(.init(factor: 4, originalContext: 16, roundsBounds: false)) }, "YaRN"),
            ({ $0.slidingWindow = SlidingWindow(size: 16) }, "sliding window"),
        ] as [((inout ModelConfiguration) -> Void, String)] {
            #expect(sentence { _ = try back(change) }.contains(word))
        }
    }

    /// Factors of any parameters of Llama 3's formula give a scaling with the same divisors; others are refused.
    @Test func rotaryFactorsGiveTheirScaling() throws {
        let scratch = try Scratch()
        let fixture = GGUFFixture(name: "llama-k")
        func read(_ factors: [Float]) throws -> RopeScaling? {
            let url = scratch.file("\(UUID().uuidString).gguf")
            try fixture.rewritten(
                to: url,
                tensors: { tensors in
                    tensors.removeAll { $0.name == "rope_freqs.weight" }
                    tensors.append(
                        GGUFTensor(name: "rope_freqs.weight", shape: [8], type: .f32, byteCount: 32) { write in
                            try factors.withUnsafeBytes(write)
                        })
                })
            return try ModelFolder.configuration(of: url).ropeScaling
        }
        let frequencies = (0..<8).map { pow(500, -Double($0) / 8) }
        for (factor, low, high, context) in [
            (8.0, 1.0, 4.0, 8192), (32, 1, 4, 8192), (8, 1, 4, 64), (4, 1, 8, 100), (2, 2, 6, 96), (16, 0.5, 4, 333),
        ] {
            let scaling = RopeScaling.llama3(
                .init(factor: factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalContext: context))
            let divisors = scaling.divisors(of: frequencies, base: 500)
            guard let found = try read(divisors.map { Float($0) }) else {
                #expect(divisors.allSatisfy { Float($0) == 1 })
                continue
            }
            for (ours, theirs) in zip(found.divisors(of: frequencies, base: 500), divisors) {
                #expect(abs(ours / theirs - 1) < 1e-5, "\(scaling)")
            }
        }
        #expect(try read([Float](repeating: 4, count: 8)) == .linear(factor: 4))
        #expect(try read([Float](repeating: 1, count: 8)) == nil)
        for wrong in [
            [1, 1, 1, 1, 2, 3, 4, 5], [1, 2, 1, 2, 1, 2, 1, 2], [0, 1, 1, 1, 1, 1, 1, 1], [.nan, 1, 1, 1, 1, 1, 1, 1],
        ]
            as [[Float]]
        {
            #expect(sentence { _ = try read(wrong) }.contains("rope_freqs.weight"))
        }
    }
}
