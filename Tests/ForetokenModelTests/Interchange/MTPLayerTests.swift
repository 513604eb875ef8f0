import ForetokenFiles
import ForetokenFormats
import ForetokenModel
import ForetokenTraining
import Foundation
import Testing
import Torch

/// A checkpoint with a layer for multi-token prediction, and what plain PyTorch computes with it (Fixtures/mtp/make_fixtures.py).
struct MTPFixture: Sendable, CustomTestStringConvertible {
    let name: String
    var testDescription: String { name }

    static let all = ["mimo", "mimo-tied", "qwen3", "llama"].map(MTPFixture.init)
    /// Those that the form's own classes compute.
    static let mimo = all.filter { $0.name.hasPrefix("mimo") }

    var url: URL {
        get throws { try #require(Bundle.module.url(forResource: "Fixtures/mtp/\(name)", withExtension: nil)) }
    }

    func expected(_ tensor: String) throws -> Tensor {
        try SafetensorsFile(contentsOf: url.appendingPathComponent("expected.safetensors")).tensor(tensor)
    }

    /// The logits of every head over the expected tokens.
    func logits(of model: MultiTokenModel) throws -> [[Float]] {
        let tokens = try expected("tokens")
        return withoutGradient { model.allLogits(tokens.reshaped(1, tokens.count)).map { $0.elements() } }
    }

    func copy(to folder: Scratch) throws -> URL {
        let copy = folder.file("copy-\(UUID().uuidString)")
        try FileManager.default.copyItem(at: try url, to: copy)
        return copy
    }
}

@Suite struct MTPLayerTests {
    @Test(arguments: MTPFixture.all)
    func logitsOfBothHeadsEqualTheReference(fixture: MTPFixture) throws {
        let model = try ModelFolder.read(try fixture.url)
        let configuration = model.configuration
        #expect(configuration.heads == 2 && configuration.headKind == .deepseek && configuration.layers == 3)
        #expect(configuration.finalNorm == .replicated && configuration.unembedding == .shared)
        let ours = try fixture.logits(of: model)
        #expect(ours.count == 2)
        for (ours, theirs) in zip(ours, try [fixture.expected("logits"), fixture.expected("mtp_logits")]) {
            let theirs: [Float] = theirs.elements()
            #expect(ours.count == theirs.count)
            // float32 sums in two orders, over logits of size up to 5.
            for (a, b) in zip(ours, theirs) { #expect(abs(a - b) < 1e-5) }
        }
        // The norm of its own matters: with the model's, the second head is another one.
        var plain = configuration
        plain.finalNorm = .shared
        let other = try MultiTokenModel(plain, seed: nil)
        for parameter in other.parameters { parameter.tensor.assign(try model.tensor(parameter.name)) }
        let changed = try fixture.logits(of: other)
        #expect(changed[0] == ours[0] && zip(changed[1], ours[1]).contains { abs($0 - $1) > 0.01 })
    }

    /// In, our own folder, and out again: not a bit of a weight changes, nor a name, nor what the keys say.
    @Test(arguments: MTPFixture.mimo)
    func aCheckpointGoesThroughOurFolderUnchanged(fixture: MTPFixture) throws {
        let scratch = try Scratch()
        let (ours, theirs) = (scratch.file("ours"), scratch.file("theirs"))
        _ = try Conversion.run(from: fixture.url, to: ours, format: .foretoken)
        // In several files, as the released one.
        let summary = try Conversion.run(
            from: ours, to: theirs, format: .mimo, options: ConversionOptions(shardBytes: 20_000))
        #expect(summary.dropped.isEmpty && summary.configuration.heads == 2 && summary.files.count > 3)
        let (first, last) = (
            try SafetensorsFile(contentsOf: fixture.url.appendingPathComponent("model.safetensors")),
            try SafetensorsCheckpoint(folder: theirs)
        )
        #expect(Set(first.names) == Set(last.names))
        for name in first.names {
            #expect(try first.entry(name).dtype == last.entry(name).dtype)
            let same = try first.withBytes(of: name) { a in
                try last.withBytes(of: name) { b in a.elementsEqual(b) }
            }
            #expect(same, "\(name)")
        }
        let original = try ModelFolder.readConfiguration(fixture.url)
        #expect(try ModelFolder.readConfiguration(theirs) == original)
        #expect(try ModelFolder.readConfiguration(ours) == original)
        let (before, after) = (
            try JSONNode(contentsOf: fixture.url.appendingPathComponent("config.json")),
            try JSONNode(contentsOf: theirs.appendingPathComponent("config.json"))
        )
        for key in [
            "architectures", "num_nextn_predict_layers", "num_hidden_layers", "attention_bias", "hidden_size",
            "torch_dtype", "vocab_size",
        ] {
            #expect(try after[key].value == before[key].value, "\(key)")
        }
        #expect(try after["model_type"].string() == "qwen2")
        let logits = try fixture.logits(of: ModelFolder.read(fixture.url))
        #expect(try fixture.logits(of: ModelFolder.read(ours)) == logits)
        #expect(try fixture.logits(of: ModelFolder.read(theirs)) == logits)
    }

    /// Ours: a shared norm is written for the layer, too, and biases that the blocks lack are zero.
    @Test(arguments: [2, 4], AttentionBias.allCases.filter { $0 != .all })
    func ourHeadsGoOutWithTheSameLogits(heads: Int, bias: AttentionBias) throws {
        let scratch = try Scratch()
        let model = try MTPModels.deepseek(heads: heads, bias: bias)
        let (input, out) = (try MTPModels.written(model, in: scratch), scratch.file("out"))
        if heads > 2 {
            let text = sentence { _ = try Conversion.run(from: input, to: out, format: .mimo) }
            #expect(text.contains("heads 3 to 4") && text.contains("--drop-heads"), "\(text)")
        }
        let summary = try Conversion.run(
            from: input, to: out, format: .mimo, options: ConversionOptions(dropHeads: heads > 2))
        #expect(summary.dropped.isEmpty == (heads == 2))
        let read = try ModelFolder.read(out)
        #expect(read.configuration.attentionBias == .inputs && read.configuration.heads == 2)
        let tokens = Tensor([Int64](0..<9), shape: [1, 9])
        func logits(_ model: MultiTokenModel) -> [[Float]] {
            withoutGradient { model.allLogits(tokens).prefix(2).map { $0.elements() } }
        }
        // Attention with biases is computed operator by operator.
        for (a, b) in zip(logits(read), logits(model)) {
            for (a, b) in zip(a, b) { #expect(abs(a - b) < (bias == .none ? 1e-5 : 0x1p-149)) }
        }
    }

    @Test func whatTheFormCannotHoldIsRefusedByName() throws {
        let scratch = try Scratch()
        func refusal(_ change: (inout ModelConfiguration) -> Void) throws -> String {
            var configuration = try MTPModels.deepseek(heads: 2).configuration
            change(&configuration)
            let input = try MTPModels.written(MultiTokenModel(configuration, seed: 1), in: scratch)
            return sentence { _ = try Conversion.run(from: input, to: scratch.file("out"), format: .mimo) }
        }
        for kind in HeadKind.allCases where kind != .deepseek {
            #expect(try refusal { $0.headKind = kind }.contains("'\(kind.rawValue)' heads"))
        }
        #expect(try refusal { ($0.heads, $0.layers) = (1, 2) }.contains("one head; use --to hf"))
        #expect(try refusal { $0.unembedding = .replicated }.contains("separate unembeddings"))
        #expect(try refusal { $0.queryKeyNorm = true }.contains("norms of queries and keys"))
        #expect(try refusal { $0.attentionBias = .all }.contains("biases of attention's output"))
        #expect(try refusal { $0.feedForwardBias = true }.contains("biases of the feed-forward"))
        #expect(try refusal { $0.slidingWindow = SlidingWindow(size: 4) }.contains("sliding window"))
        #expect(!FileManager.default.fileExists(atPath: scratch.file("out").path))
    }

    /// The next-token model of such a checkpoint, for programs that do not draft.
    @Test(arguments: MTPFixture.all)
    func headOneAloneGoesOut(fixture: MTPFixture) throws {
        let scratch = try Scratch()
        let out = scratch.file("out")
        #expect(sentence { _ = try Conversion.run(from: fixture.url, to: out, format: .hf) }.contains("head 2"))
        _ = try Conversion.run(from: fixture.url, to: out, format: .hf, options: ConversionOptions(dropHeads: true))
        let (alone, both) = (try ModelFolder.read(out), try ModelFolder.read(fixture.url))
        #expect(try fixture.logits(of: alone) == [fixture.logits(of: both)[0]])
    }
}

enum MTPModels {
    static func deepseek(heads: Int, bias: AttentionBias = .none) throws -> MultiTokenModel {
        let model = try MultiTokenModel(
            ModelConfiguration(
                vocabulary: 40, width: 16, layers: heads + 1, attentionHeads: 2, keyValueHeads: 1, feedForwardWidth: 24,
                heads: heads, headKind: .deepseek, contextLength: 16, attentionBias: bias),
            seed: 3)
        // Norms and biases begin at 1 and 0.
        for parameter in model.parameters where !parameter.isMatrix {
            let start: Float = parameter.name.hasSuffix("bias") ? 0 : 1
            let values = (0..<parameter.tensor.count).map { start + Float($0 % 5) * 0.1 }
            parameter.tensor.assign(Tensor(values))
        }
        return model
    }

    static func written(_ model: MultiTokenModel, in scratch: Scratch) throws -> URL {
        let url = scratch.file("in-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        try ModelFolder.write(model, to: url)
        return url
    }
}
