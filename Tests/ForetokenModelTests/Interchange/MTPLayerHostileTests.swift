import ForetokenFiles
import ForetokenFormats
import ForetokenModel
import Foundation
import Testing
import Torch

/// Checkpoints with a layer for multi-token prediction that are incomplete, of another shape or of another form.
@Suite struct MTPLayerHostileTests {
    private let fixture = MTPFixture(name: "mimo")

    @Test func otherCountsAreRefusedByName() throws {
        let scratch = try Scratch()
        let folder = try fixture.copy(to: scratch)
        let config = folder.appendingPathComponent("config.json")
        let cases: [(value: JSONValue, says: [String])] = [
            (2, ["2", "0 and 1", "further layer"]), (-1, ["-1", "0 and 1"]),
            (1_000_000_000, ["1000000000", "0 and 1"]), (.number(1e9), ["integer"]), (.integer(.max), ["0 and 1"]),
            (.integer(.min), ["0 and 1"]),
            (1.5, ["integer"]), ("1", ["integer", "string"]), (true, ["integer"]), ([1], ["integer"]),
        ]
        for (value, fragments) in cases {
            try edit(config) { $0["num_nextn_predict_layers"] = value }
            let text = sentence { _ = try ModelFolder.source(folder) }
            for fragment in fragments + ["config.json", "num_nextn_predict_layers"] {
                #expect(text.contains(fragment), "\(text)")
            }
        }
        // Without a layer, its tensors belong to nothing.
        for value in [0, .null, nil] as [JSONValue?] {
            try edit(config) { $0["num_nextn_predict_layers"] = value }
            let text = sentence { _ = try ModelFolder.source(folder) }
            #expect(text.contains("model.mtp_layers.0.") && text.contains("belongs to no parameter"), "\(text)")
        }
    }

    @Test func aWindowAndOtherFamiliesAreRefusedByName() throws {
        let scratch = try Scratch()
        for (changes, fragments) in [
            (
                [("use_sliding_window", true), ("sliding_window", 8), ("max_window_layers", 0)],
                ["window of 8", "num_nextn"]
            ),
            ([("model_type", "deepseek_v3")], ["model_type", "deepseek_v3", "llama", "mimo"]),
            ([("model_type", "mimo_v2_flash")], ["model_type", "mimo_v2_flash"]),
            (
                [("model_type", "llama"), ("sliding_window", .null), ("attention_bias", false)],
                ["_proj.bias", "belongs to no parameter"]
            ),
            ([("num_hidden_layers", 1)], ["num_nextn", "1 beside one hidden layer", "2 or more"]),
            ([("num_hidden_layers", 3)], ["model.layers.2.", "missing"]),
        ] as [([(String, JSONValue)], [String])] {
            let folder = try fixture.copy(to: scratch)
            try edit(folder.appendingPathComponent("config.json")) { for (key, value) in changes { $0[key] = value } }
            let text = sentence { _ = try ModelFolder.source(folder) }
            for fragment in fragments { #expect(text.contains(fragment), "\(text)") }
        }
    }

    /// Of every tensor of the layer: without it, with another shape, with another element type; and with one more.
    @Test func everyTensorOfTheLayerIsChecked() throws {
        let scratch = try Scratch()
        let folder = try fixture.copy(to: scratch)
        let weights = folder.appendingPathComponent("model.safetensors")
        let whole = try SafetensorsFile(contentsOf: fixture.url.appendingPathComponent("model.safetensors"))
        let sources = try whole.names.map { try SafetensorsSource(copying: $0, from: whole) }
        let layer = whole.names.filter { $0.contains("mtp_layers") }
        #expect(layer.count == 16)
        func text(_ tensors: [SafetensorsSource]) throws -> String {
            try SafetensorsWriter.write(to: weights, tensors: tensors)
            return sentence { _ = try ModelFolder.source(folder) }
        }
        for name in layer {
            let others = sources.filter { $0.name != name }
            let missing = try text(others)
            #expect(missing.contains("'\(name)' is missing"), "\(missing)")
            let tensor = try whole.tensor(name)
            let short = tensor.narrowed(axis: 0, from: 0, count: tensor.shape[0] - 1).contiguous()
            let misshapen = try text(others + [SafetensorsSource(name: name, tensor: short)])
            #expect(misshapen.contains("'\(name)' has shape"), "\(misshapen)")
            let whole = try text(others + [SafetensorsSource(name: name, tensor: tensor.to(.int32))])
            #expect(whole.contains("'\(name)' has element type"), "\(whole)")
        }
        let one = try whole.tensor("model.norm.weight")
        for name in [
            "model.mtp_layers.1.input_proj.weight", "model.mtp_layers.0.lm_head.weight", "heads.2.norm.weight",
            "model.mtp_layers.0.norm.weight", "model.mtp_layers.0.hidden_norm.weight",
            "model.mtp_layers.00.norm.weight",
            "model.mtp_layers.0.self_attn.o_proj.bias", "model.mtp_layers.0.embed_tokens.weight",
        ] {
            let text = try text(sources + [SafetensorsSource(name: name, tensor: one)])
            #expect(text.contains("'\(name)' belongs to no parameter"), "\(text)")
        }
    }

    /// Our own folder with the key: known values only, and its tensors as the key says.
    @Test func ourFoldersKeyOfTheNormIsStrict() throws {
        let scratch = try Scratch()
        let ours = scratch.file("ours")
        _ = try Conversion.run(from: fixture.url, to: ours, format: .foretoken)
        let config = ours.appendingPathComponent("foretoken/config.json")
        for (value, fragments) in [
            ("own", ["final_norm", "own"]), (1, ["final_norm", "string"]),
            ("shared", ["heads.2.norm.weight", "belongs to no parameter"]), (nil, ["heads.2.norm.weight"]),
        ] as [(JSONValue?, [String])] {
            try edit(config) { $0["final_norm"] = value }
            let text = sentence { _ = try ModelFolder.source(ours) }
            for fragment in fragments { #expect(text.contains(fragment), "\(text)") }
        }
        try edit(config) { $0["final_norm"] = "replicated" }
        #expect(throws: Never.self) { try ModelFolder.source(ours) }
    }

    /// The configuration of a published pair of Medusa heads.
    @Test func medusasHeadsAreRefusedByName() throws {
        let scratch = try Scratch()
        let config: JSONValue = [
            "medusa_num_heads": 2, "medusa_num_layers": 1, "base_model_name_or_path": "lmsys/vicuna-7b-v1.3",
            "transformers_version": "4.31.0",
        ]
        try config.write(to: scratch.file("config.json"))
        let text = sentence { _ = try ModelFolder.source(scratch.url) }
        for fragment in ["medusa_num_heads", "Medusa", "SiLU", "'lmsys/vicuna-7b-v1.3'", "start.from"] {
            #expect(text.contains(fragment), "\(text)")
        }
        // As vLLM and others write it, with a model_type.
        try edit(scratch.file("config.json")) { $0["model_type"] = "medusa" }
        #expect(sentence { _ = try ModelFolder.source(scratch.url) }.contains("Medusa's heads"))
    }

    /// Opening mutated folders gives a model or an error.
    @Test func mutatedConfigurationsEndInAModelOrAnError() throws {
        let scratch = try Scratch()
        let folder = try fixture.copy(to: scratch)
        let config = folder.appendingPathComponent("config.json")
        let whole = try Data(contentsOf: config)
        var generator = Seeded(state: 3)
        var (read, refused) = (0, 0)
        for _ in 0..<1000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let position = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[position] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.insert(UInt8(ascii: "9"), at: position)
                default: bytes.remove(at: position)
                }
            }
            try bytes.write(to: config)
            do {
                _ = try ModelFolder.source(folder)
                read += 1
            } catch {
                refused += 1
                #expect("\(error)".count < 2000)
            }
        }
        #expect(read > 0 && refused > 0)
    }
}
