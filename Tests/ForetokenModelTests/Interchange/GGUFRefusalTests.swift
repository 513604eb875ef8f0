import ForetokenFiles
import ForetokenFormats
import ForetokenText
import Foundation
import Testing

@testable import ForetokenModel

@Suite struct GGUFRefusalTests {
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
            (set("llama.rope.scaling.type", .string("longrope")), ["rope.scaling.type", "longrope", "yarn"]),
            (set("llama.rope.scaling.type", .string("yarn")), ["rope.scaling.factor", "missing"]),
            (set("llama.rope.scaling.factor", .float32(0.5)), ["RoPE scaling", "0.5"]),
            (set("llama.rope.scaling.attn_factor", .float32(2)), ["attn_factor", "2"]),
            (set("llama.rope.scaling.yarn_ext_factor", .float32(0.5)), ["yarn_ext_factor", "0.5"]),
            (set("llama.rope.scaling.yarn_log_multiplier", .float32(0.1)), ["yarn_log_multiplier"]),
            (set("llama.rope.scale_linear", .float32(.infinity)), ["RoPE scaling"]),
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
}
