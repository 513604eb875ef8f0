import ForetokenFiles
import ForetokenFormats
import ForetokenText
import Foundation
import Testing

@testable import ForetokenModel

@Suite struct GGUFSourceTests {
    @Test func everyFixturesConfigurationIsRead() throws {
        func configuration(_ name: String) throws -> ModelConfiguration {
            try ModelFolder.configuration(of: GGUFFixture(name: name).url)
        }
        var k = ModelConfiguration(
            vocabulary: 40, width: 256, layers: 2, attentionHeads: 4, keyValueHeads: 2, headDimension: 16,
            feedForwardWidth: 32, heads: 1, contextLength: 64, ropeBase: 500,
            ropeScaling: .llama3(
                RopeScaling.Llama3(factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: 16)))
        #expect(try configuration("llama-k") == k)
        k.ropeScaling = nil
        var small = ModelConfiguration(
            vocabulary: 288, width: 32, layers: 2, attentionHeads: 4, keyValueHeads: 2, feedForwardWidth: 64, heads: 1,
            contextLength: 64, ropeBase: 1e6, endOfText: 257)
        small.tokenRoles = TokenRoles(beginning: 256, padding: 259, ends: [258])
        var bias = small
        (bias.attentionBias, bias.tieEmbeddings, bias.ropeBase) = (.all, true, 1e5)
        #expect(try configuration("llama-bias") == bias)
        var mistral = small
        // The family's tokenizers prepend it; the file does not say so.
        (mistral.headDimension, mistral.beginningOfText, mistral.tokenRoles.beginning) = (10, 256, nil)
        #expect(try configuration("mistral") == mistral)
        var qwen2 = small
        (qwen2.attentionBias, qwen2.tieEmbeddings) = (.inputs, true)
        #expect(try configuration("qwen2") == qwen2)
        var qwen3 = small
        (qwen3.headDimension, qwen3.queryKeyNorm) = (16, true)
        (qwen3.beginningOfText, qwen3.tokenRoles.beginning) = (256, nil)
        #expect(try configuration("qwen3") == qwen3)
        #expect(try configuration("qwen3").endTokens == [257, 258])
    }

    @Test(arguments: GGUFFixture.withTokenizer)
    func textsBecomeHuggingFacesTokens(_ fixture: GGUFFixture) throws {
        let tokenizer = try ModelFolder.tokenizer(in: fixture.url, of: ModelFolder.configuration(of: fixture.url))
        for (text, tokens) in try fixture.texts {
            #expect(tokenizer.encode(text) == tokens, "\(text)")
        }
        #expect(tokenizer.vocabularySize == 277)
    }

    /// Every weight of every type by way of a folder of float32, and back through a file of our own.
    @Test(arguments: GGUFFixture.all)
    func conversionsThereAndBackKeepEveryBit(_ fixture: GGUFFixture) throws {
        let scratch = try Scratch()
        let original = try ModelFolder.source(fixture.url)
        func floats(_ source: any WeightSource, _ name: String) throws -> [UInt32] {
            try source.withFloats(of: name) { $0.map(\.bitPattern) }
        }
        for (index, format) in [InterchangeFormat.hf, .foretoken].enumerated() {
            let (folder, file) = (scratch.file("folder-\(index)"), scratch.file("file-\(index).gguf"))
            _ = try Conversion.run(from: fixture.url, to: folder, format: format, options: .init(storage: .f32))
            _ = try Conversion.run(from: folder, to: file, format: .gguf)
            let (inFolder, back) = (try ModelFolder.source(folder), try ModelFolder.source(file))
            for parameter in try ModelOutline(original.configuration).parameters {
                let expected = try floats(original, parameter.name)
                #expect(try floats(inFolder, parameter.name) == expected, "\(parameter.name)")
                #expect(try floats(back, parameter.name) == expected, "\(parameter.name)")
            }
            var expected = original.configuration
            expected.tokenizerName = inFolder.configuration.tokenizerName
            expected.tokenizerDigest = inFolder.configuration.tokenizerDigest
            #expect(inFolder.configuration == expected)
            (expected.tokenizerName, expected.tokenizerDigest) = ("", "")
            #expect(back.configuration == expected)
        }
    }

    /// Blocks are copied as they are into another GGUF file, and the tokenizer and templates with them.
    @Test(arguments: GGUFFixture.all)
    func aFileIsCopiedBlockByBlock(_ fixture: GGUFFixture) throws {
        let scratch = try Scratch()
        let copy = scratch.file("copy.gguf")
        _ = try Conversion.run(from: fixture.url, to: copy, format: .gguf)
        let (first, second) = (try GGUFFile(contentsOf: fixture.url), try GGUFFile(contentsOf: copy))
        for entry in first.entries {
            #expect(second.entry(entry.name)?.type == entry.type)
            let bytes = try first.withBytes(of: entry.name) { Array($0) }
            // Our factors are computed in double.
            if entry.name == "rope_freqs.weight" { continue }
            #expect(try second.withBytes(of: entry.name) { Array($0) } == bytes, "\(entry.name)")
        }
        #expect(try ModelFolder.configuration(of: copy) == ModelFolder.configuration(of: fixture.url))
        guard fixture.name != "llama-k" else { return }
        for key in ["tokenizer.ggml.tokens", "tokenizer.ggml.merges"] {
            #expect(try second.strings(key) == first.strings(key))
        }
        #expect(try second.integers("tokenizer.ggml.token_type") == first.integers("tokenizer.ggml.token_type"))
        for key in ["tokenizer.chat_template", "tokenizer.chat_template.tool_use"] {
            #expect(try second.text(key) == first.text(key))
        }
        let tokenizer = try ModelFolder.tokenizer(in: copy, of: ModelFolder.configuration(of: copy))
        for (text, tokens) in try fixture.texts { #expect(tokenizer.encode(text) == tokens) }
    }

    @Test func narrowerTypesAreRoundedOnce() throws {
        let scratch = try Scratch()
        let fixture = GGUFFixture(name: "llama-k")
        let original = try ModelFolder.source(fixture.url)
        for (storage, format) in [(StorageType.bf16, StorageFormat.bf16), (.f16, .f16)] {
            let folder = scratch.file("folder-\(storage)")
            _ = try Conversion.run(from: fixture.url, to: folder, format: .hf, options: .init(storage: storage))
            let narrow = try ModelFolder.source(folder)
            for parameter in try ModelOutline(original.configuration).parameters {
                #expect(try narrow.weight(parameter.name) == StoredWeight(shape: parameter.shape, format: format))
                let exact = try original.withFloats(of: parameter.name) { Array($0) }
                let found = try narrow.withFloats(of: parameter.name) { Array($0) }
                for (exact, found) in zip(exact, found) {
                    let expected =
                        storage == .f16
                        ? Float(Float16(exact))
                        : Float(bitPattern: (exact.bitPattern + 0x7FFF + (exact.bitPattern >> 16) & 1) & 0xFFFF_0000)
                    if found != expected { Issue.record("\(parameter.name): \(found), not \(expected)") }
                }
            }
        }
    }

    @Test func theFilesOfATokenizerAreMade() throws {
        let scratch = try Scratch()
        let folder = scratch.file("folder")
        _ = try Conversion.run(from: GGUFFixture(name: "llama-bias").url, to: folder, format: .hf)
        func json(_ name: String) throws -> JSONNode { try JSONNode(contentsOf: folder.appendingPathComponent(name)) }
        #expect(try json("generation_config.json")["eos_token_id"].array().map { try $0.integer() } == [257, 258])
        #expect(try json("generation_config.json")["pad_token_id"].integer() == 259)
        #expect(try json("tokenizer_config.json")["eos_token"].string() == "<|end|>")
        #expect(try json("tokenizer_config.json")["bos_token"].string() == "<|begin|>")
        let template = try String(contentsOf: folder.appendingPathComponent("chat_template.jinja"), encoding: .utf8)
        #expect(template.hasPrefix("{% for m in messages %}"))
        let tools = folder.appendingPathComponent("additional_chat_templates/tool_use.jinja")
        #expect(try String(contentsOf: tools, encoding: .utf8) == "{{ tools }}")
    }

    // MARK: Refusals

    /// One change each to a file that is read, and what the sentence must name.
    @Test func everyOtherModelIsRefusedByName() throws {
        let scratch = try Scratch()
        typealias Change = (inout [(String, GGUFValue)]) -> Void
        func set(_ key: String, _ value: GGUFValue?) -> Change { { $0.set(key, value) } }
        let cases: [(Change, [String])] = [
            (set("general.architecture", .string("gemma")), ["gemma", "llama", "qwen2"]),
            (set("general.architecture", nil), ["general.architecture", "missing"]),
            (set("llama.block_count", nil), ["llama.block_count", "missing"]),
            (set("llama.block_count", .uint32(3)), ["blk.2.attn_norm.weight", "missing"]),
            (set("llama.block_count", .uint32(1)), ["blk.1.", "no parameter"]),
            (set("llama.block_count", .uint32(1 << 24)), ["layers", "16777216"]),
            (set("llama.block_count", .uint32(50_000)), ["block_count", "50000"]),
            (set("llama.block_count", .string("2")), ["llama.block_count", "integer"]),
            (set("llama.attention.head_count", .int32s([4, 2])), ["head_count", "each layer"]),
            (set("llama.attention.head_count", .int32s([-4])), ["head_count"]),
            (set("llama.attention.head_count", .uint32(0)), ["head_count"]),
            (set("llama.attention.head_count", .uint32(3)), ["head_count"]),
            (set("llama.attention.head_count_kv", .uint32(1)), ["blk.0.attn_k.weight", "[8, 32]"]),
            (set("llama.embedding_length", .uint32(64)), ["llama.rope.dimension_count"]),
            (set("llama.vocab_size", .uint32(300)), ["llama.vocab_size", "300", "288"]),
            (set("llama.rope.dimension_count", .uint32(4)), ["rope.dimension_count", "8"]),
            (set("llama.attention.value_length", .uint32(4)), ["value_length", "8"]),
            (set("llama.rope.scaling.type", .string("yarn")), ["rope.scaling.type", "yarn"]),
            (set("llama.rope.scaling.factor", .float32(2)), ["rope.scaling.type", "linear", "2"]),
            (set("llama.rope.scale_linear", .float32(4)), ["rope.scale_linear", "4"]),
            (set("llama.rope.freq_base", .float32(.nan)), ["ropeBase"]),
            (set("llama.rope.freq_base", .uint32(10_000)), ["freq_base", "floating"]),
            (set("llama.attention.layer_norm_rms_epsilon", .float32(-1)), ["normEpsilon"]),
            (set("llama.expert_count", .uint32(8)), ["expert_count", "8"]),
            (set("llama.attention.sliding_window", .uint32(16)), ["sliding_window", "16"]),
            (set("llama.attention.causal", .bool(false)), ["causal"]),
            (set("llama.logit_scale", .float32(0.5)), ["logit_scale"]),
            (set("llama.attention.scale", .float32(0.5)), ["attention.scale"]),
            (set("llama.something_new", .uint32(1)), ["llama.something_new"]),
            (set("tokenizer.ggml.eos_token_id", .uint32(288)), ["eos_token_id", "288"]),
            (set("tokenizer.ggml.eot_token_id", .string("x")), ["eot_token_id", "integer"]),
            (set("tokenizer.chat_template", .uint32(1)), ["tokenizer.chat_template", "string"]),
            (set("tokenizer.chat_template.../x", .string("")), ["chat_template.../x", "name"]),
        ]
        for (change, words) in cases {
            let url = scratch.file("\(UUID().uuidString).gguf")
            try GGUFFixture(name: "llama-bias").rewritten(to: url, metadata: change)
            let text = sentence("\(words)") { _ = try ModelFolder.source(url) }
            for word in words { #expect(text.contains(word), "\(word): \(text)") }
            #expect(text.contains(url.lastPathComponent))
        }
    }

    @Test func everyTensorIsAccountedFor() throws {
        let scratch = try Scratch()
        let fixture = GGUFFixture(name: "qwen3")
        let names = try GGUFFile(contentsOf: fixture.url).entries.map(\.name)
        for (index, name) in names.enumerated() where name != "output.weight" {
            let url = scratch.file("missing-\(index).gguf")
            try fixture.rewritten(to: url, tensors: { $0.removeAll { $0.name == name } })
            let text = sentence { _ = try ModelFolder.source(url) }
            #expect(text.contains("'\(name)'") || text.contains(name), "\(text)")
        }
        let (other, shaped) = (scratch.file("other.gguf"), scratch.file("shaped.gguf"))
        let extra = GGUFTensor(name: "blk.0.ffn_gate.bias", shape: [1], type: .f32, byteCount: 4) { write in
            try [Float(0)].withUnsafeBytes(write)
        }
        try fixture.rewritten(to: other, tensors: { $0.append(extra) })
        #expect(sentence { _ = try ModelFolder.source(other) }.contains("blk.0.ffn_gate.bias"))
        try fixture.rewritten(
            to: shaped,
            tensors: { tensors in
                let position = tensors.firstIndex { $0.name == "output_norm.weight" } ?? 0
                tensors[position] = GGUFTensor(name: "output_norm.weight", shape: [1], type: .f32, byteCount: 4) {
                    write in
                    try [Float(0)].withUnsafeBytes(write)
                }
            })
        let text = sentence { _ = try ModelFolder.source(shaped) }
        #expect(text.contains("output_norm.weight") && text.contains("[1]") && text.contains("[32]"))
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
                RopeScaling.Llama3(
                    factor: factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalContext: context))
            let expected = scaling.divisors(of: frequencies, base: 500)
            let factors = expected.map { Float($0) }
            guard let found = try read(factors) else {
                #expect(factors.allSatisfy { $0 == 1 })
                continue
            }
            for (found, expected) in zip(found.divisors(of: frequencies, base: 500), expected) {
                #expect(abs(found / expected - 1) < 1e-5, "\(scaling)")
            }
        }
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
