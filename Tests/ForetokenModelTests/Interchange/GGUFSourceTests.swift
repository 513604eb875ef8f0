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
            ropeScaling: .llama3(.init(factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: 16)))
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
}
