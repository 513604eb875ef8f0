import ForetokenFiles
import ForetokenFormats
import ForetokenModel
import ForetokenTraining
import Foundation
import Testing
import Torch

@Suite struct HuggingFaceTests {
    @Test(arguments: HuggingFaceFixture.all)
    func logitsEqualThoseOfTransformers(fixture: HuggingFaceFixture) throws {
        let model = try ModelFolder.read(try fixture.url)
        #expect(model.configuration.heads == 1)
        let (ours, theirs) = (try fixture.logits(of: model), try fixture.logits)
        #expect(ours.count == theirs.count)
        // float32 sums in two orders, over logits of size up to 4: each is up to 5e-6 from float64.
        for (a, b) in zip(ours, theirs) { #expect(abs(a - b) < 5e-5) }
        // Every part of the model matters: without its scaling, biases or norms of queries and keys it is another one.
        var plain = model.configuration
        plain.ropeScaling = nil
        plain.attentionBias = .none
        plain.queryKeyNorm = false
        plain.feedForwardBias = false
        if plain.window(depth: plain.layers - 1) != nil { plain.slidingWindow = nil }
        // Within its original context, dynamic scaling changes nothing.
        if case .dynamic = model.configuration.ropeScaling { return }
        guard plain != model.configuration else { return }
        let other = try MultiTokenModel(plain, seed: nil)
        for parameter in other.parameters { parameter.tensor.assign(try model.tensor(parameter.name)) }
        #expect(zip(try fixture.logits(of: other), theirs).contains { abs($0 - $1) > 0.01 })
    }

    /// Ours, and Hugging Face's again: the keys say the same and not a weight changes.
    @Test(arguments: HuggingFaceFixture.all)
    func aCheckpointGoesThroughBothFoldersUnchanged(fixture: HuggingFaceFixture) throws {
        let scratch = try Scratch()
        let (ours, theirs) = (scratch.file("ours"), scratch.file("theirs"))
        _ = try Conversion.run(from: try fixture.url, to: ours, format: .foretoken)
        let summary = try Conversion.run(from: ours, to: theirs, format: .hf)
        #expect(summary.dropped.isEmpty)
        let (first, last) = (
            try SafetensorsCheckpoint(folder: try fixture.url), try SafetensorsCheckpoint(folder: theirs)
        )
        #expect(Set(first.names) == Set(last.names))
        for name in first.names {
            #expect(try first.entry(name).dtype == last.entry(name).dtype)
            let same = try first.withBytes(of: name) { a in
                try last.withBytes(of: name) { b in a.elementsEqual(b) }
            }
            #expect(same, "\(name)")
        }
        let (original, written) = (
            try ModelFolder.readConfiguration(fixture.url), try ModelFolder.readConfiguration(theirs)
        )
        #expect(original == written)
        let config = try JSONNode(contentsOf: theirs.appendingPathComponent("config.json"))
        let type = try JSONNode(contentsOf: fixture.url.appendingPathComponent("config.json"))["model_type"].string()
        let isLlama = type == "mistral" && original.slidingWindow == nil
        #expect(try config["model_type"].string() == (isLlama ? "llama" : type))
        #expect(try fixture.logits(of: ModelFolder.read(ours)) == fixture.logits(of: ModelFolder.read(theirs)))
    }

    @Test func whatTheModelDoesNotComputeIsRefusedByName() throws {
        let scratch = try Scratch()
        let llama3: JSONValue = ["rope_type": "llama3", "factor": 8]
        let cases: [(fixture: String, key: String, value: JSONValue?, says: [String])] = [
            ("llama", "model_type", "gpt2", ["model_type", "gpt2", "llama, mistral, qwen2, qwen3"]),
            ("llama", "hidden_act", "gelu", ["hidden_act", "gelu"]),
            ("llama", "mlp_bias", true, ["mlp.gate_proj.bias", "missing"]),
            ("llama", "sliding_window", 8, ["sliding_window", "8", "Llama"]),
            ("llama", "rope_parameters", ["rope_type": "longrope"], ["rope_parameters.rope_type", "longrope", "yarn"]),
            ("llama", "rope_scaling", ["factor": 2], ["rope_scaling.rope_type", "missing", "factor", "linear"]),
            ("llama", "rope_scaling", ["type": "linear"], ["rope_scaling.factor", "missing"]),
            ("llama", "rope_scaling", ["type": "linear", "factor": 0.5], ["factor of 1 or more"]),
            ("llama", "rope_scaling", ["type": "yarn", "factor": 2, "beta_slow": 64], ["beta_slow"]),
            ("llama", "rope_scaling", llama3, ["rope_scaling.low_freq_factor", "missing"]),
            ("llama", "partial_rotary_factor", 0.5, ["partial_rotary_factor", "0.5"]),
            ("llama", "quantization_config", ["quant_method": "gptq"], ["quantization_config", "gptq"]),
            ("llama", "rms_norm_eps", nil, ["rms_norm_eps", "missing"]),
            ("qwen2", "hidden_size", 23, ["hidden_size", "23", "head_dim"]),
            ("mistral", "sliding_window", 0, ["sliding_window", "0"]),
            ("qwen2-window", "layer_types", ["full_attention"], ["layer_types", "1 types", "3 types"]),
            ("qwen2-window", "layer_types", ["chunked_attention"], ["layer_types", "chunked_attention"]),
            ("mistral", "num_key_value_heads", nil, ["num_key_value_heads", "missing"]),
            ("qwen2", "num_hidden_layers", 4, ["model.layers.3", "missing"]),
            ("qwen2", "tie_word_embeddings", false, ["lm_head.weight", "missing"]),
            ("qwen3", "num_hidden_layers", 2, ["model.layers.2", "belongs to no parameter"]),
            ("qwen3", "head_dim", 8, ["self_attn", "shape"]),
            ("qwen3", "model_type", "llama", ["_norm.weight", "belongs to no parameter"]),
            ("llama-bias-tied", "attention_bias", false, ["proj.bias", "belongs to no parameter"]),
            ("llama", "attention_bias", true, ["proj.bias", "missing"]),
            ("llama", "vocab_size", 41, ["embed_tokens", "shape"]),
            ("llama", "eos_token_id", 40, ["special token 40"]),
        ]
        for (fixture, key, value, fragments) in cases {
            let folder = try HuggingFaceFixture(name: fixture).copy(to: scratch)
            try edit(folder.appendingPathComponent("config.json")) { $0[key] = value }
            let text = sentence("\(fixture): \(key)") { _ = try ModelFolder.source(folder) }
            for fragment in fragments { #expect(text.contains(fragment), "\(text)") }
        }
    }

    @Test func missingKeysMeanWhatTransformersTakesThemFor() throws {
        let scratch = try Scratch()
        let folder = try HuggingFaceFixture(name: "llama").copy(to: scratch)
        let config = folder.appendingPathComponent("config.json")
        try edit(config) { object in
            for key in [
                "head_dim", "hidden_act", "attention_bias", "mlp_bias", "tie_word_embeddings", "rope_parameters",
            ] {
                object[key] = nil
            }
        }
        let fixture = HuggingFaceFixture(name: "llama")
        #expect(try ModelFolder.readConfiguration(folder) == ModelFolder.readConfiguration(fixture.url))
        // Mistral's default window of 4096 is wider than this context, and narrower than that.
        let mistral = try HuggingFaceFixture(name: "mistral").copy(to: scratch)
        let other = mistral.appendingPathComponent("config.json")
        try edit(other) { $0["sliding_window"] = nil }
        #expect(try ModelFolder.source(mistral).configuration.window(depth: 0) == nil)
        try edit(other) { $0["max_position_embeddings"] = 4097 }
        #expect(try ModelFolder.source(mistral).configuration.window(depth: 0) == 4096)
    }

    /// Old checkpoints hold rotary frequencies, and some of tied models the embedding twice.
    @Test func tensorsThatSayNothingNewAreLeftOutAndNoOthers() throws {
        let scratch = try Scratch()
        let folder = try HuggingFaceFixture(name: "llama-bias-tied").copy(to: scratch)
        let weights = folder.appendingPathComponent("model.safetensors")
        let whole = try SafetensorsFile(contentsOf: weights)
        let sources = try whole.names.map { try SafetensorsSource(copying: $0, from: whole) }
        func add(_ more: SafetensorsSource) throws {
            try SafetensorsWriter.write(to: weights, tensors: sources + [more])
        }
        let name = "model.embed_tokens.weight"
        try add(SafetensorsSource(copying: name, from: whole, as: "lm_head.weight"))
        #expect(throws: Never.self) { try ModelFolder.source(folder) }
        try add(SafetensorsSource(name: "model.layers.0.self_attn.rotary_emb.inv_freq", tensor: Tensor([Float(1)])))
        #expect(throws: Never.self) { try ModelFolder.source(folder) }
        let other = try whole.tensor(name) * 2
        try add(SafetensorsSource(name: "lm_head.weight", tensor: other))
        #expect(sentence { _ = try ModelFolder.source(folder) }.contains("'lm_head.weight' belongs to no"))
        try add(SafetensorsSource(name: "score.weight", tensor: other))
        #expect(sentence { _ = try ModelFolder.source(folder) }.contains("'score.weight' belongs to no"))
    }

    @Test func moreEndsOfTextThanOneAreNamed() throws {
        let source = try ModelFolder.source(HuggingFaceFixture(name: "llama-3").url)
        #expect(source.configuration.endOfText == 2)
        #expect(source.notes.isEmpty && source.configuration.endTokens == [2, 3])
    }
}
