import ForetokenFiles
import ForetokenFormats
import ForetokenModel
import ForetokenText
import ForetokenTraining
import Foundation
import Testing
import Torch

private func model(
    _ kind: HeadKind = .parallel, heads: Int = 3, unembedding: UnembeddingKind = .shared
) throws -> MultiTokenModel {
    try MultiTokenModel(
        ModelConfiguration(
            vocabulary: 260, width: 32, layers: 6, attentionHeads: 2, keyValueHeads: 1, feedForwardWidth: 32,
            heads: heads, headKind: kind, unembedding: unembedding, contextLength: 10, tokenizerName: "bytes",
            tokenizerDigest: ByteTokenizer().digest, beginningOfText: 256, endOfText: 257),
        seed: 3)
}

private func logits(_ model: MultiTokenModel) -> [[Float]] {
    let tokens = Tensor([Int64](stride(from: 0, to: 250, by: 31)), shape: [1, 9])
    return withoutGradient { model.allLogits(tokens).map { $0.elements() } }
}

@Suite struct ConversionTests {
    /// A folder of a model in a scratch folder.
    private func written(_ model: MultiTokenModel, in scratch: Scratch) throws -> URL {
        let url = scratch.file("in-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        try ModelFolder.write(model, to: url)
        return url
    }

    @Test(arguments: [HeadKind.parallel, .linear], [1, 2])
    func fewerHeadsGiveTheSameLogitsAndTheRestIsNamed(kind: HeadKind, heads: Int) throws {
        let scratch = try Scratch()
        let whole = try model(kind)
        let out = scratch.file("out")
        let summary = try Conversion.run(
            from: written(whole, in: scratch), to: out, format: .foretoken, options: ConversionOptions(heads: heads))
        let part = try ModelFolder.read(out)
        #expect(part.configuration.heads == heads)
        #expect(part.configuration.trunkLayers == whole.configuration.trunkLayers)
        #expect(logits(part) == Array(logits(whole).prefix(heads)))
        #expect(
            summary.dropped
                == whole.parameters.filter { if case .head(let i) = $0.group { i > heads } else { false } }.map(\.name))
        #expect(!summary.dropped.isEmpty)
    }

    /// Caches of downloads hold links.
    @Test func aLinkedTokenizerIsCopiedNotItsLink() throws {
        let scratch = try Scratch()
        let (input, blob) = (scratch.file("snapshots/main"), scratch.file("blobs/0123"))
        for folder in ["snapshots", "blobs", "deeper"] {
            try FileManager.default.createDirectory(at: scratch.file(folder), withIntermediateDirectories: false)
        }
        try FileManager.default.moveItem(at: written(model(), in: scratch), to: input)
        try ByteTokenizer().definition.withUnsafeBufferPointer { try Data($0).write(to: blob) }
        let link = input.appendingPathComponent("tokenizer.json")
        try? FileManager.default.removeItem(at: link)
        try FileManager.default.createSymbolicLink(atPath: link.path, withDestinationPath: "../../blobs/0123")
        let out = scratch.file("deeper/out")
        _ = try Conversion.run(from: input, to: out, format: .foretoken)
        let copy = out.appendingPathComponent("tokenizer.json")
        #expect(try copy.resourceValues(forKeys: [.isSymbolicLinkKey]).isSymbolicLink == false)
        #expect(try Data(contentsOf: copy) == Data(contentsOf: blob))
    }

    @Test(arguments: InterchangeFormat.allCases)
    func aConversionThatIsStoppedLeavesNothing(format: InterchangeFormat) throws {
        struct Stopped: Error {}
        let scratch = try Scratch()
        let input = try written(model(format == .mimo ? .deepseek : .parallel), in: scratch)
        let folder = scratch.file("outputs")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        var last = 0
        #expect(throws: Stopped.self) {
            _ = try Conversion.run(
                from: input, to: folder.appendingPathComponent("out"), format: format,
                options: ConversionOptions(dropHeads: true)
            ) { bytes, total in
                last = bytes
                if bytes > total / 2 { throw Stopped() }
            }
        }
        #expect(last > 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    @Test func moreHeadsAreRefusedWithAPointerToTraining() throws {
        let scratch = try Scratch()
        let input = try written(model(), in: scratch)
        let text = sentence {
            _ = try Conversion.run(
                from: input, to: scratch.file("out"), format: .foretoken, options: ConversionOptions(heads: 4))
        }
        #expect(text.contains("has 3 heads") && text.contains("fine-tune"), "\(text)")
    }

    @Test(arguments: [InterchangeFormat.hf, .gguf])
    func headsThatATargetCannotHoldAreLeftOutOnDemandOnly(format: InterchangeFormat) throws {
        let scratch = try Scratch()
        let whole = try model()
        let (input, out) = (try written(whole, in: scratch), scratch.file("out.gguf"))
        let text = sentence { _ = try Conversion.run(from: input, to: out, format: format) }
        #expect(text.contains("heads 2 to 3") && text.contains("--drop-heads"), "\(text)")
        #expect(!FileManager.default.fileExists(atPath: out.path))
        let summary = try Conversion.run(
            from: input, to: out, format: format, options: ConversionOptions(dropHeads: true))
        #expect(summary.dropped.contains("heads.2.mlp.up_proj.weight"))
        #expect(summary.configuration.heads == 1)
        if format == .hf {
            #expect(logits(try ModelFolder.read(out)) == [logits(whole)[0]])
            #expect(summary.files.map(\.name).contains("tokenizer.json"))
            let names = try FileManager.default.contentsOfDirectory(atPath: out.path)
            #expect(!names.contains("foretoken"))
        }
        let linear = try written(model(.linear), in: scratch)
        #expect(
            sentence {
                _ = try Conversion.run(
                    from: linear, to: scratch.file("other"), format: format, options: ConversionOptions(dropHeads: true)
                )
            }.contains("'linear' heads"))
    }

    /// Kinds whose head 1 is the next layer after the trunk, whatever the others read and unembed with.
    @Test(arguments: [HeadKind.causal, .deepseek], UnembeddingKind.allCases)
    func headOneOfOtherKindsIsAStandardLlama(kind: HeadKind, unembedding: UnembeddingKind) throws {
        let scratch = try Scratch()
        let whole = try model(kind, unembedding: unembedding)
        let out = scratch.file("hf")
        _ = try Conversion.run(
            from: written(whole, in: scratch), to: out, format: .hf, options: ConversionOptions(dropHeads: true))
        #expect(logits(try ModelFolder.read(out)) == [logits(whole)[0]])
        #expect(try JSONNode(contentsOf: out.appendingPathComponent("config.json"))["model_type"].string() == "llama")
        #expect(!FileManager.default.fileExists(atPath: out.appendingPathComponent("foretoken").path))
    }

    @Test(arguments: [(HeadKind.linear, "not a Llama layer"), (.anticausal, "depends on the others")])
    func headsThatMakeNoStandardLlamaAreRefused(example: (kind: HeadKind, reason: String)) throws {
        let scratch = try Scratch()
        let input = try written(model(example.kind), in: scratch)
        let text = sentence {
            _ = try Conversion.run(
                from: input, to: scratch.file("out"), format: .hf, options: ConversionOptions(dropHeads: true))
        }
        #expect(text.contains(example.reason), "\(text)")
    }

    @Test(arguments: [(StorageType.f16, DType.float16), (.bf16, .bfloat16), (.f32, .float32)])
    func weightsAreRoundedToTheElementTypeAskedFor(storage: StorageType, dtype: DType) throws {
        let scratch = try Scratch()
        let (whole, out) = (try model(), scratch.file("out"))
        _ = try Conversion.run(
            from: written(whole, in: scratch), to: out, format: .foretoken, options: ConversionOptions(storage: storage)
        )
        let source = try ModelFolder.source(out)
        for parameter in whole.parameters {
            #expect(try source.weight(parameter.name).format.dtype == dtype)
            let expected = parameter.tensor.detached().to(dtype).to(.float32).elements(as: Float.self)
            #expect(try source.tensor(parameter.name).to(.float32).elements() == expected)
        }
    }

    @Test func weightsThatATypeCannotHoldAreNamed() throws {
        let scratch = try Scratch()
        let whole = try model()
        whole.trunk[0].up.tensor.assign(whole.trunk[0].up.tensor.detached() * 1e6)
        let input = try written(whole, in: scratch)
        let text = sentence {
            _ = try Conversion.run(
                from: input, to: scratch.file("out"), format: .foretoken, options: ConversionOptions(storage: .f16))
        }
        #expect(text.contains("'model.layers.0.mlp.up_proj.weight'") && text.contains("float16"), "\(text)")
        #expect(
            sentence {
                _ = try Conversion.run(
                    from: input, to: scratch.file("out"), format: .foretoken, options: ConversionOptions(storage: .q8)
                )
            }.contains("q8_0"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.url.path) == [input.lastPathComponent])
    }

    @Test func shardsAreAsSmallAsAskedFor() throws {
        let scratch = try Scratch()
        let (whole, out) = (try model(), scratch.file("out"))
        let summary = try Conversion.run(
            from: written(whole, in: scratch), to: out, format: .foretoken,
            options: ConversionOptions(shardBytes: 40_000))
        let shards = summary.files.filter { $0.name.hasPrefix("model-") && $0.name.hasSuffix(".safetensors") }
        #expect(shards.count > 2)
        #expect(summary.files.contains { $0.name == "model.safetensors.index.json" })
        #expect(shards.allSatisfy { $0.bytes < 40_000 + 4096 })
        #expect(logits(try ModelFolder.read(out)) == logits(whole))
    }

    @Test func nothingIsOverwrittenAndNothingIsLeftOfAFailure() throws {
        let scratch = try Scratch()
        let input = try written(model(), in: scratch)
        #expect(
            sentence { _ = try Conversion.run(from: input, to: input, format: .foretoken) }.contains("already exists")
        )
        #expect(throws: (any Error).self) {
            try Conversion.run(from: input, to: scratch.file("no/such/folder"), format: .foretoken)
        }
        #expect(throws: (any Error).self) {
            try Conversion.run(
                from: input, to: scratch.file("no/such.gguf"), format: .gguf,
                options: ConversionOptions(dropHeads: true))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.url.path) == [input.lastPathComponent])
    }

    @Test func theTokenizerGoesAlongAndMustFit() throws {
        let scratch = try Scratch()
        let fixture = try HuggingFaceFixture(name: "llama").copy(to: scratch)
        // Byte-level, 258 tokens: too many for a vocabulary of 40.
        try TokenizerFile.write(ByteTokenizer(), to: fixture)
        let configuration = try ModelFolder.readConfiguration(fixture)
        #expect(
            sentence { _ = try ModelFolder.tokenizer(in: fixture, of: configuration) }.contains("at most the 40"))
        let summary = try Conversion.run(from: fixture, to: scratch.file("small"), format: .foretoken)
        #expect(summary.notes.contains { $0.contains("tokenizer cannot be used") && $0.contains("258 tokens") })
        try FileManager.default.removeItem(at: fixture.appendingPathComponent("tokenizer.json"))
        #expect(sentence { _ = try ModelFolder.tokenizer(in: fixture, of: configuration) }.contains("tokenizer.json"))

        let (hf, ours) = (scratch.file("hf"), scratch.file("ours"))
        _ = try Conversion.run(
            from: written(model(), in: scratch), to: hf, format: .hf, options: ConversionOptions(dropHeads: true))
        let foreign = try ModelFolder.readConfiguration(hf)
        #expect(foreign.tokenizerDigest.isEmpty)
        #expect(try ModelFolder.tokenizer(in: hf, of: foreign).digest == ByteTokenizer().digest)
        _ = try Conversion.run(from: hf, to: ours, format: .foretoken)
        #expect(try ModelFolder.readConfiguration(ours).tokenizerDigest == ByteTokenizer().digest)
        try Data("{}".utf8).write(to: ours.appendingPathComponent("tokenizer.json"))
        #expect(throws: (any Error).self) {
            try ModelFolder.tokenizer(in: ours, of: ModelFolder.readConfiguration(ours))
        }
    }

    @Test func aGGUFFileIsNotReadButNamed() throws {
        let scratch = try Scratch()
        try Data("GGUF".utf8).write(to: scratch.file("model.gguf"))
        #expect(sentence { _ = try ModelFolder.source(scratch.file("model.gguf")) }.contains("download complete"))
    }
}
