import ForetokenFiles
import ForetokenFormats
import ForetokenTraining
import Foundation
import Testing
import Torch

@testable import ForetokenModel

private func model(
    _ kind: HeadKind, heads: Int = 3, tied: Bool = false, unembedding: UnembeddingKind = .shared, seed: UInt64? = 1
) throws -> MultiTokenModel {
    try MultiTokenModel(
        ModelConfiguration(
            vocabulary: 20, width: 8, layers: 5, attentionHeads: 2, keyValueHeads: 1, feedForwardWidth: 12,
            heads: heads,
            headKind: kind, unembedding: unembedding, contextLength: 10, tieEmbeddings: tied, tokenizerName: "t",
            tokenizerDigest: "d", endOfText: 3),
        seed: seed)
}

private func folder() throws -> URL {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("foretoken-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    return url
}

@Suite struct ModelFolderTests {
    @Test(arguments: HeadKind.allCases, [false, true])
    func aModelComesBackBitwise(kind: HeadKind, tied: Bool) throws {
        let url = try folder()
        defer { try? FileManager.default.removeItem(at: url) }
        for heads in [1, 3] {
            var configuration = try model(kind, heads: heads, tied: tied, unembedding: tied ? .replicated : .shared)
                .configuration
            if heads == 3 { configuration.finalNorm = .replicated }
            let original = try MultiTokenModel(configuration, seed: 1)
            try ModelFolder.write(original, to: url)
            let copy = try ModelFolder.read(url)
            #expect(copy.configuration == original.configuration)
            for (a, b) in zip(original.parameters, copy.parameters) {
                #expect(a.name == b.name)
                #expect(a.tensor.elements(as: Float.self) == b.tensor.elements(as: Float.self))
            }
        }
    }

    /// A model folder opens elsewhere: trunk and head 1, or all heads that it depends on, form one Llama,
    /// nothing else is in the file.
    @Test(arguments: HeadKind.allCases.filter(\.areBlocks), UnembeddingKind.allCases)
    func foldersOfBlocksHoldAPlainLlama(kind: HeadKind, unembedding: UnembeddingKind) throws {
        let url = try folder()
        defer { try? FileManager.default.removeItem(at: url) }
        try ModelFolder.write(try model(kind, unembedding: unembedding), to: url)
        let config = try JSONNode(contentsOf: url.appendingPathComponent("config.json"))
        #expect(try config["model_type"].string() == "llama")
        let count = kind == .anticausal ? 5 : 3
        #expect(try config["num_hidden_layers"].integer() == count)
        let file = try SafetensorsFile(contentsOf: url.appendingPathComponent("model.safetensors"))
        let layers = Set(file.names.compactMap { $0.hasPrefix("model.layers.") ? $0.split(separator: ".")[2] : nil })
        #expect(layers == Set((0..<count).map { "\($0)" }))
        #expect(file.names.allSatisfy { $0.hasPrefix("model.") || $0 == "lm_head.weight" })
        let heads = try SafetensorsFile(contentsOf: url.appendingPathComponent("foretoken/heads.safetensors"))
        let beside = Set(heads.names.map { $0.split(separator: ".")[1] })
        #expect(beside == (kind == .anticausal && unembedding == .shared ? [] : ["2", "3"]))
    }

    @Test func missingUnknownAndMisshapenTensorsAreNamed() throws {
        let url = try folder()
        defer { try? FileManager.default.removeItem(at: url) }
        let original = try model(.parallel)
        try ModelFolder.write(original, to: url)
        let heads = url.appendingPathComponent("foretoken/heads.safetensors")
        func rewrite(_ change: ([SafetensorsSource]) throws -> [SafetensorsSource]) throws -> String {
            let file = try SafetensorsFile(contentsOf: heads)
            let sources = try file.names.map { try SafetensorsSource(copying: $0, from: file) }
            let other = url.appendingPathComponent("foretoken/other.safetensors")
            try SafetensorsWriter.write(to: other, tensors: try change(sources))
            let whole = try Data(contentsOf: heads)
            defer { try? whole.write(to: heads) }
            try FileManager.default.removeItem(at: heads)
            try FileManager.default.moveItem(at: other, to: heads)
            let error = #expect(throws: ModelError.self) { try ModelFolder.read(url) }
            return error?.description ?? ""
        }
        #expect(try rewrite { Array($0.dropFirst()) }.contains("'heads.2.input_layernorm.weight' is missing"))
        let extra = Tensor([Float(1)])
        #expect(
            try rewrite { $0 + [SafetensorsSource(name: "heads.9.x", tensor: extra)] }.contains(
                "'heads.9.x' belongs to no"))
        #expect(
            try rewrite { [SafetensorsSource(name: $0[0].name, tensor: extra)] + $0.dropFirst() }.contains(
                "has shape [1]"))
        let integers = Tensor([Int64](repeating: 0, count: 8))
        #expect(
            try rewrite { [SafetensorsSource(name: $0[0].name, tensor: integers)] + $0.dropFirst() }.contains("I64"))
    }

    @Test func foreignAndTruncatedFoldersAreRefused() throws {
        let url = try folder()
        defer { try? FileManager.default.removeItem(at: url) }
        #expect(throws: ModelError.self) { try ModelFolder.read(url) }
        try ModelFolder.write(try model(.linear), to: url)
        for name in ["config.json", "model.safetensors", "foretoken/config.json", "foretoken/heads.safetensors"] {
            let file = url.appendingPathComponent(name)
            let whole = try Data(contentsOf: file)
            for tenth in 0..<10 {
                try whole.prefix(whole.count * tenth / 10).write(to: file)
                #expect(throws: (any Error).self) { try ModelFolder.read(url) }
            }
            try whole.write(to: file)
        }
        #expect(throws: Never.self) { try ModelFolder.read(url) }
    }

    @Test func impossibleSizesAreRefusedWithASentence() {
        func sentence(_ change: (inout ModelConfiguration) -> Void) -> String {
            var configuration = ModelConfiguration(
                vocabulary: 10, width: 8, layers: 4, attentionHeads: 2, heads: 2, contextLength: 8)
            change(&configuration)
            let error = #expect(throws: ModelError.self) { try configuration.validate() }
            return error?.description ?? ""
        }
        #expect(sentence { $0.heads = 4 }.contains("heads must be smaller"))
        #expect(sentence { $0.headDimension = 3 }.contains("even"))
        #expect(sentence { $0.attentionHeads = 3 }.contains("multiple"))
        #expect(sentence { $0.width = 0 }.contains("at least 1"))
        #expect(sentence { $0.endOfText = 10 }.contains("outside the vocabulary"))
    }

    /// By the formulas of the paper's table S14: 0.3B has 231 M non-embedding parameters.
    @Test func swiGLUWidthFollowsTheRule() {
        let configuration = ModelConfiguration(
            vocabulary: 32_000, width: 1024, layers: 18, attentionHeads: 16, heads: 4, contextLength: 4096)
        #expect(configuration.feedForwardWidth == 2816)
        let block = 4 * 1024 * 1024 + 3 * 1024 * 2816
        #expect((Double(18 * block) / 1e6).rounded() == 231)
    }
}
