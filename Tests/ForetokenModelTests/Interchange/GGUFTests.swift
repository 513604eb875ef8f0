import ForetokenFormats
import ForetokenText
import ForetokenTraining
import Foundation
import Testing
import Torch

@testable import ForetokenModel

/// A reader of its own, from the format's description (ggml/docs/gguf.md).
private struct Parsed {
    var values: [String: String] = [:]
    var arrays: [String: [String]] = [:]
    var tensors: [String: (shape: [Int], type: UInt32, bytes: [UInt8])] = [:]
    private var bytes: [UInt8]
    private var at = 0

    init(_ url: URL) throws {
        bytes = Array(try Data(contentsOf: url))
        #expect(take(4) == Array("GGUF".utf8))
        #expect(number(4) == 3)
        let (tensorCount, valueCount) = (number(8), number(8))
        for _ in 0..<valueCount {
            let key = text()
            let type = number(4)
            if type == 9 {
                let element = number(4)
                arrays[key] = (0..<number(8)).map { _ in value(element) }
            } else {
                values[key] = value(type)
            }
        }
        var places: [(name: String, shape: [Int], type: UInt32, offset: Int)] = []
        for _ in 0..<tensorCount {
            let name = text()
            let shape = (0..<number(4)).map { _ in number(8) }
            places.append((name, shape, UInt32(number(4)), number(8)))
        }
        let start = (at + 31) / 32 * 32
        #expect(Set(places.map(\.name)).count == places.count)
        for (index, place) in places.enumerated() {
            #expect(place.offset % 32 == 0)
            let end = index + 1 < places.count ? start + places[index + 1].offset : bytes.count
            tensors[place.name] = (place.shape, place.type, Array(bytes[(start + place.offset)..<end]))
        }
        #expect((bytes.count - start) % 32 == 0)
    }

    private mutating func take(_ count: Int) -> [UInt8] {
        defer { at += count }
        return Array(bytes[at..<(at + count)])
    }
    private mutating func number(_ count: Int) -> Int { take(count).reversed().reduce(0) { $0 << 8 | Int($1) } }
    private mutating func text() -> String { String(decoding: take(number(8)), as: UTF8.self) }
    private mutating func value(_ type: Int) -> String {
        switch type {
        case 4, 5: String(number(4))
        case 6: String(Float(bitPattern: UInt32(number(4))))
        case 7: String(number(1))
        case 8: text()
        default: "type \(type)"
        }
    }

    func floats(_ name: String) throws -> [Float] {
        let tensor = try #require(tensors[name])
        #expect(tensor.type == 0)
        let count = tensor.shape.reduce(1, *)
        return tensor.bytes.prefix(4 * count).withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    }
}

@Suite struct GGUFTests {
    private func convert(
        _ fixture: String, _ storage: StorageType? = nil, in scratch: Scratch
    ) throws -> (Parsed, any WeightSource) {
        let (url, out) = (try HuggingFaceFixture(name: fixture).url, scratch.file("\(UUID().uuidString).gguf"))
        _ = try Conversion.run(from: url, to: out, format: .gguf, options: ConversionOptions(storage: storage))
        return (try Parsed(out), try ModelFolder.source(url))
    }

    @Test func aLlamaIsWrittenAsLlamaCppReadsIt() throws {
        let scratch = try Scratch()
        let (file, source) = try convert("llama", in: scratch)
        #expect(file.values["general.architecture"] == "llama")
        #expect(file.values["llama.block_count"] == "3")
        #expect(file.values["llama.attention.head_count_kv"] == "2")
        #expect(file.values["llama.attention.key_length"] == "6")
        #expect(file.values["llama.rope.freq_base"] == "10000.0")
        #expect(file.values["llama.vocab_size"] == "40")
        #expect(file.tensors.count == 3 * 9 + 3)
        #expect(file.tensors["token_embd.weight"]?.shape == [24, 40])
        #expect(
            try file.floats("output.weight") == source.tensor("lm_head.weight").elements())
        #expect(
            try file.floats("blk.2.ffn_down.weight")
                == source.tensor("model.layers.2.mlp.down_proj.weight").elements())
        // Row 2j of a head is row j of Hugging Face's, row 2j + 1 is row j + d/2.
        for (ours, name, heads) in [("attn_q", "q_proj", 4), ("attn_k", "k_proj", 2)] {
            let rows: [Float] = try source.tensor("model.layers.1.self_attn.\(name).weight").elements()
            let expected = (0..<heads).flatMap { head in
                (0..<6).flatMap { row in
                    let from = head * 6 + row / 2 + (row % 2) * 3
                    return rows[(from * 24)..<(from * 24 + 24)]
                }
            }
            #expect(try file.floats("blk.1.\(ours).weight") == expected)
        }
        #expect(
            try file.floats("blk.1.attn_v.weight") == source.tensor("model.layers.1.self_attn.v_proj.weight").elements()
        )
    }

    @Test func biasesNormsScalingAndTyingAreWritten() throws {
        let scratch = try Scratch()
        let (tied, _) = try convert("llama-bias-tied", in: scratch)
        #expect(tied.tensors["output.weight"] == nil)
        #expect(tied.tensors["token_embd.weight"]?.type == 30)
        #expect(tied.tensors["blk.0.attn_output.bias"]?.shape == [24])
        #expect(tied.tensors["blk.0.attn_norm.weight"]?.type == 0)
        let (qwen, source) = try convert("qwen3", in: scratch)
        #expect(qwen.values["general.architecture"] == "qwen3")
        #expect(qwen.values["qwen3.attention.key_length"] == "16")
        #expect(
            try qwen.floats("blk.0.attn_k_norm.weight")
                == source.tensor("model.layers.0.self_attn.k_norm.weight").elements())
        // Qwen's rows stay as they are.
        #expect(
            try qwen.floats("blk.0.attn_q.weight") == source.tensor("model.layers.0.self_attn.q_proj.weight").elements()
        )
        // High frequencies unchanged, low ones divided by 8; the formula of transformers' _compute_llama3_parameters.
        let (scaled, _) = try convert("llama-3", in: scratch)
        let factors = try scaled.floats("rope_freqs.weight")
        #expect(factors.count == 4)
        for (j, factor) in factors.enumerated() {
            let frequency = pow(500, -Double(j) / 4)
            let wavelength = 2 * Double.pi / frequency
            let smooth = (64 / wavelength - 1) / 3
            let expected: Double =
                wavelength < 16
                ? 1 : wavelength > 64 ? 8 : frequency / ((1 - smooth) * frequency / 8 + smooth * frequency)
            // The file holds float32: 5e-7 at 8.
            #expect(abs(Double(factor) - expected) < 1e-5)
        }
        #expect(Set(factors).count > 2)
        let biased = try HuggingFaceFixture(name: "qwen3-bias").url
        #expect(
            sentence { _ = try Conversion.run(from: biased, to: scratch.file("x.gguf"), format: .gguf) }
                .contains("biases in a qwen3 model"))
    }

    /// Against the bytes of `gguf.quants.quantize(x, GGMLQuantizationType.Q8_0)` of PyPI's gguf.
    @Test func q8BlocksAreThoseOfTheReference() throws {
        var weights = (0..<64).map { (Float(($0 * 37) % 101) - 50) / 7 }
        for index in 32..<64 { weights[index] *= 0.001 }
        weights[40] = 0
        let reference =
            "332b81df3d9af856b41270cd2b89e745a2005ebb1977d53390ee4caa0866c3217fdc9d033c96f656b0106fca0084e3439efd5db71777"
            + "d1318beb4ba50565bf1f7fd93993"
        let bytes = try #require(weights.withUnsafeBufferPointer { Q8.encode($0) })
        #expect(bytes.map { String(format: "%02x", $0) }.joined() == reference)
        let zeros = [Float](repeating: 0, count: 32).withUnsafeBufferPointer { Q8.encode($0) }
        #expect(zeros == [UInt8](repeating: 0, count: 34))
        // Scales are float16: larger ones would become infinite.
        for (largest, fits) in [(65504 * 127, true), (65600 * 127, false)] as [(Float, Bool)] {
            weights[40] = largest
            #expect((weights.withUnsafeBufferPointer { Q8.encode($0) } != nil) == fits)
        }
    }

    @Test func rowsThatFillNoBlocksAreRefusedByName() throws {
        let scratch = try Scratch()
        let text = sentence { _ = try convert("llama", .q8, in: scratch) }
        #expect(text.contains("q8_0") && text.contains("32") && text.contains("embed_tokens"), "\(text)")
    }

    @Test func theTokenizerIsInTheFile() throws {
        let scratch = try Scratch()
        let model = try MultiTokenModel(
            ModelConfiguration(
                vocabulary: 260, width: 32, layers: 2, attentionHeads: 2, feedForwardWidth: 32, heads: 1,
                contextLength: 10,
                tokenizerDigest: ByteTokenizer().digest, beginningOfText: 256, endOfText: 257),
            seed: 1)
        try FileManager.default.createDirectory(at: scratch.file("in"), withIntermediateDirectories: true)
        try ModelFolder.write(model, to: scratch.file("in"))
        let out = scratch.file("out.gguf")
        _ = try Conversion.run(
            from: scratch.file("in"), to: out, format: .gguf, options: ConversionOptions(storage: .q8))
        let file = try Parsed(out)
        let words = try #require(file.arrays["tokenizer.ggml.tokens"])
        #expect(words.count == 260)
        #expect(words[65] == "A" && words[32] == "Ġ" && words[256] == "<|begin_of_text|>" && words[259] == "[PAD259]")
        #expect(file.arrays["tokenizer.ggml.token_type"]?.suffix(4) == ["3", "3", "5", "5"])
        #expect(file.arrays["tokenizer.ggml.merges"] == [])
        #expect(file.values["tokenizer.ggml.bos_token_id"] == "256")
        #expect(file.values["tokenizer.ggml.add_bos_token"] == "1")
        #expect(file.tensors["token_embd.weight"]?.type == 8)
    }
}
