import ForetokenFiles
import ForetokenFormats
import ForetokenTraining
import Foundation
import Testing
import Torch

@testable import ForetokenModel

private struct Workplace {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("foretoken-\(UUID().uuidString)")
    init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }
    func remove() { try? FileManager.default.removeItem(at: url) }
}

/// Synthetic checkpoints of Meta's format and the logits of an independent PyTorch implementation (Fixtures/meta).
@Suite struct MetaCheckpointTests {
    static let cases = ["plain", "state", "tied"]

    static func fixture(_ name: String) -> URL {
        Bundle.module.bundleURL.appendingPathComponent("Fixtures/meta/\(name)")
    }

    private static func logits(_ model: MultiTokenModel) throws -> [[Float]] {
        let rows = try JSONNode(contentsOf: fixture("logits.json"))["tokens"].array().map { row in
            try row.array().map { Int64(try $0.integer()) }
        }
        return withoutGradient {
            model.allLogits(Tensor(rows.flatMap(\.self), shape: [rows.count, rows[0].count])).map {
                $0.reshaped(-1).elements()
            }
        }
    }

    /// float32 sums in two orders, over logits of size up to 4: each is up to 3e-6 from float64.
    private static func expectEqual(_ ours: [[Float]], _ name: String, within tolerance: Float = 5e-5) throws {
        let theirs = try JSONNode(contentsOf: fixture("logits.json"))[name].array().map { head in
            try head.array().map { Float(try $0.double()) }
        }
        #expect(ours.count == theirs.count)
        for (head, (a, b)) in zip(ours, theirs).enumerated() {
            #expect(a.count == b.count && a.count == 2 * 8 * 12)
            #expect(zip(a, b).map { abs($0 - $1) }.max() ?? 1 < tolerance, "\(name), head \(head + 1)")
            #expect(a.map(abs).max() ?? 0 > 0.5)
        }
    }

    @Test(arguments: cases) func everyHeadHasTheLogitsOfTheIndependentForward(name: String) throws {
        let checkpoint = try MetaCheckpoint(Self.fixture(name))
        let expected: DType = ["plain": .float32, "state": .bfloat16, "tied": .float16][name] ?? .int8
        #expect(try checkpoint.weight("model.norm.weight").format.dtype == expected)
        #expect(checkpoint.configuration.tieEmbeddings == (name == "tied"))
        try Self.expectEqual(Self.logits(MultiTokenModel(reading: checkpoint)), name)
    }

    @Test func theShapeIsReadFromParametersAndWeights() throws {
        let plain = try MetaCheckpoint(Self.fixture("plain")).configuration
        #expect(plain.heads == 3 && plain.layers == 4 && plain.trunkLayers == 1 && plain.keyValueHeads == 2)
        #expect(plain.vocabulary == 12 && plain.feedForwardWidth == 48 && plain.contextLength == 4096)
        let state = try MetaCheckpoint(Self.fixture("state"))
        #expect(state.configuration.ropeBase == 500_000 && state.configuration.contextLength == 64)
        #expect(state.configuration.feedForwardWidth == 32 && state.notes == [])
        #expect(MetaCheckpoint.recognizes(Self.fixture("state")) && !MetaCheckpoint.recognizes(Self.fixture("")))
    }

    @Test(arguments: cases) func whatIsWrittenHasTheSameLogits(name: String) throws {
        let place = try Workplace()
        defer { place.remove() }
        let original = try MetaCheckpoint(Self.fixture(name))
        let out = place.url.appendingPathComponent("out")
        let summary = try Conversion.run(from: original.folder, to: out, format: .meta)
        #expect(summary.notes.contains { $0.contains("no key for the context") } == (name == "state"))
        let copy = try MetaCheckpoint(out)
        let model = try MultiTokenModel(reading: copy)
        var expected = original.configuration
        expected.contextLength = 4096
        #expect(copy.configuration == expected)
        for parameter in model.parameters {
            #expect(try copy.weight(parameter.name).format == original.weight(parameter.name).format)
            #expect(
                try original.tensor(parameter.name).to(.float32).elements(as: Float.self)
                    == parameter.tensor.elements(as: Float.self))
        }
        try Self.expectEqual(Self.logits(model), name)
    }

    @Test(arguments: [(16, 48), (16, 42), (16, 41), (16, 1), (16, 1000), (4096, 11_008), (5120, 13_824), (64, 2)])
    func theFeedForwardWidthComesBackThroughMetasRule(width: Int, target: Int) {
        let (multipleOf, multiplier) = MetaParameters.rule(width: width, feedForwardWidth: target)
        #expect(
            MetaParameters.feedForwardWidth(width: width, multipleOf: multipleOf, multiplier: multiplier) == target)
        if target == 11_008 { #expect(multipleOf == 256 && multiplier == nil) }
    }

    @Test func aModelFolderGoesThereAndBackBitwise() throws {
        let place = try Workplace()
        defer { place.remove() }
        let (folder, meta, back) = (
            place.url.appendingPathComponent("a"), place.url.appendingPathComponent("b"),
            place.url.appendingPathComponent("c")
        )
        let model = try MultiTokenModel(
            ModelConfiguration(
                vocabulary: 20, width: 8, layers: 5, attentionHeads: 2, keyValueHeads: 1, feedForwardWidth: 12,
                heads: 3,
                contextLength: 4096),
            seed: 1)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try ModelFolder.write(model, to: folder)
        _ = try Conversion.run(from: folder, to: meta, format: .meta)
        #expect(ModelFolder.looksLikeModel(meta))
        _ = try Conversion.run(from: meta, to: back, format: .foretoken)
        let copy = try ModelFolder.read(back)
        #expect(copy.configuration.heads == 3 && copy.configuration.feedForwardWidth == 12)
        for (a, b) in zip(model.parameters, copy.parameters) {
            #expect(a.name == b.name)
            #expect(a.tensor.elements(as: Float.self) == b.tensor.elements(as: Float.self))
        }
    }

    @Test func whatTheFormatCannotHoldIsNamed() throws {
        func sentence(_ change: (inout ModelConfiguration) -> Void) -> String {
            var configuration = ModelConfiguration(
                vocabulary: 10, width: 8, layers: 4, attentionHeads: 2, heads: 2, contextLength: 8)
            change(&configuration)
            let error = #expect(throws: ConversionError.self) { _ = try MetaFormat.heads(of: configuration) }
            return error?.description ?? ""
        }
        #expect(sentence { $0.headKind = .linear }.contains("linear"))
        #expect(sentence { $0.headDimension = 8 }.contains("2 attention heads of 8"))
        #expect(sentence { $0.attentionBias = .all }.contains("biases"))
        #expect(sentence { $0.queryKeyNorm = true }.contains("norms of queries"))
        #expect(
            sentence {
                $0.ropeScaling = .linear(factor: 8)
            }
            .contains("RoPE scaling"))
    }

    /// The error message for the "plain" fixture after a change to its files.
    private func refusal(_ change: (URL) throws -> Void) throws -> String {
        let place = try Workplace()
        defer { place.remove() }
        for name in ["consolidated.pth", "params.json"] {
            try FileManager.default.copyItem(
                at: Self.fixture("plain").appendingPathComponent(name), to: place.url.appendingPathComponent(name))
        }
        try change(place.url)
        do {
            _ = try MetaCheckpoint(place.url)
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test func damagedFoldersAreRefusedByName() throws {
        func parameters(_ edit: @escaping (String) -> String) throws -> String {
            try refusal { folder in
                let url = folder.appendingPathComponent("params.json")
                try Data(edit(String(decoding: Data(contentsOf: url), as: UTF8.self)).utf8).write(to: url)
            }
        }
        #expect(try refusal { _ in } == "")
        #expect(try parameters { $0.replacing("\"dim\": 16", with: "\"dim\": 32") }.contains("tok_embeddings.weight"))
        #expect(try parameters { $0.replacing("\"dim\": 16", with: "\"dim\": 18") }.contains("multiple of n_heads"))
        #expect(
            try parameters { $0.replacing("\"n_layers\": 4", with: "\"n_layers\": 5") }.contains(
                "layers.2.attention.wq.weight' is missing"))
        #expect(
            try parameters { $0.replacing("\"n_layers\": 4", with: "\"n_layers\": 9000000") }.contains(
                "layers is 9000000; it must be at most 65536"))
        #expect(
            try parameters {
                $0.replacing("tokens\": 3", with: "tokens\": 2").replacing("layers\": 4", with: "layers\": 3")
            }
            .contains("extra_heads.1.attention.wq.weight' belongs to no"))
        #expect(
            try parameters { $0.replacing("\"n_kv_heads\": 2", with: "\"n_kv_heads\": 4") }.contains(
                "wk.weight' has shape [8, 16]"))
        #expect(try parameters { $0.replacing("-1", with: "32000") }.contains("vocab_size is 32000 but 12"))
        #expect(
            try parameters { $0.replacing("\"dim\"", with: "\"use_scaled_rope\": true, \"dim\"") }.contains(
                "use_scaled_rope: 'true'"))
        #expect(try parameters { $0.replacing("\"dim\"", with: "\"later\": null, \"dim\"") } == "")
        #expect(try parameters { _ in "[]" }.contains("params.json"))
        #expect(
            try refusal { try FileManager.default.removeItem(at: $0.appendingPathComponent("params.json")) }.contains(
                "no params.json"))
        #expect(
            try refusal { try FileManager.default.removeItem(at: $0.appendingPathComponent("consolidated.pth")) }
                .contains("no consolidated.pth"))
        #expect(
            try refusal { try Data().write(to: $0.appendingPathComponent("consolidated.01.pth")) }.contains(
                "several files"))
        for tenth in 0..<10 {
            let sentence = try refusal { folder in
                let url = folder.appendingPathComponent("consolidated.pth")
                let whole = try Data(contentsOf: url)
                try whole.prefix(whole.count * tenth / 10).write(to: url)
            }
            #expect(sentence.contains("consolidated.pth"))
        }
    }
}
