public import Foundation
import Torch

extension ModelFolder {
    /// The shape of the model in a folder, from its two `config.json`.
    ///
    /// - Throws: ``ModelError`` or `JSONError`, naming file and key.
    public static func readConfiguration(_ folder: URL) throws -> ModelConfiguration {
        let llamaURL = folder.appendingPathComponent(configurationName)
        let extraURL = folder.appendingPathComponent(extrasFolder).appendingPathComponent(configurationName)
        for (url, name) in [(llamaURL, configurationName), (extraURL, "\(extrasFolder)/\(configurationName)")]
        where !FileManager.default.fileExists(atPath: url.path) {
            throw ModelError.notAModelFolder(folder: folder.relativePath, missing: name)
        }
        let llama = try JSONNode(contentsOf: llamaURL)
        let extra = try JSONNode(contentsOf: extraURL)
        let version = try extra["format_version"].integer()
        guard version == formatVersion else {
            throw ModelError.unsupported(file: extra.file, key: "format_version", value: String(version))
        }
        let kindName = try extra["head_kind"].string()
        guard let kind = HeadKind(rawValue: kindName) else {
            throw ModelError.unsupported(file: extra.file, key: "head_kind", value: kindName)
        }
        try refuseUnsupported(llama)

        let sizes = 1...(1 << 24)
        func size(_ key: String) throws -> Int { try llama[key].integer(in: sizes) }
        let heads = try extra["heads"].integer(in: sizes)
        let hidden = try size("num_hidden_layers")
        let layers = try extra["layers"].integer(in: sizes)
        var unembedding = UnembeddingKind.shared
        if let node = try extra["unembedding"].ifPresent {
            let name = try node.string()
            guard let known = UnembeddingKind(rawValue: name) else {
                throw ModelError.unsupported(file: extra.file, key: "unembedding", value: name)
            }
            unembedding = known
        }
        func token(_ key: String) throws -> Int32? {
            try llama[key].ifPresent.map { Int32(try $0.integer(in: 0...Int(Int32.max))) }
        }
        let configuration = ModelConfiguration(
            vocabulary: try size("vocab_size"), width: try size("hidden_size"), layers: layers,
            attentionHeads: try size("num_attention_heads"), keyValueHeads: try size("num_key_value_heads"),
            headDimension: try size("head_dim"), feedForwardWidth: try size("intermediate_size"), heads: heads,
            headKind: kind, unembedding: unembedding, context: try size("max_position_embeddings"),
            ropeBase: try llama["rope_theta"].double(), normEpsilon: try llama["rms_norm_eps"].double(),
            tieEmbeddings: try llama["tie_word_embeddings"].bool(), documentMask: try extra["document_mask"].bool(),
            tokenizerName: try extra["tokenizer"]["name"].string(),
            tokenizerDigest: try extra["tokenizer"]["digest"].string(), beginningOfText: try token("bos_token_id"),
            endOfText: try token("eos_token_id"))
        try configuration.validate()
        guard hidden == configuration.decidingLayers else {
            throw ModelError.disagreement(
                file: llama.file, key: "num_hidden_layers", found: String(hidden),
                expected: String(configuration.decidingLayers))
        }
        return configuration
    }

    /// Refuses by name what a Llama configuration can hold and this model does not compute.
    private static func refuseUnsupported(_ llama: JSONNode) throws {
        for key in ["rope_scaling", "sliding_window"] {
            if let node = try llama[key].ifPresent {
                throw ModelError.unsupported(file: llama.file, key: key, value: node.value?.kind ?? "")
            }
        }
        for key in ["attention_bias", "mlp_bias"] {
            if try llama[key].ifPresent?.bool() == true {
                throw ModelError.unsupported(file: llama.file, key: key, value: "true")
            }
        }
        let activation = try llama["hidden_act"].string()
        guard activation == "silu" else {
            throw ModelError.unsupported(file: llama.file, key: "hidden_act", value: activation)
        }
    }

    static func llamaConfiguration(_ configuration: ModelConfiguration, dtype: DType) -> JSONValue {
        // Head 1 of the other kinds is the block that ends the Llama.
        let isLlama = configuration.headKind.areBlocks
        func token(_ token: Int32?) -> JSONValue { token.map { .integer(Int($0)) } ?? .null }
        return [
            "architectures": .array([.string(isLlama ? "LlamaForCausalLM" : "ForetokenForCausalLM")]),
            "model_type": .string(isLlama ? "llama" : "foretoken"),
            "vocab_size": .integer(configuration.vocabulary),
            "hidden_size": .integer(configuration.width),
            "intermediate_size": .integer(configuration.feedForwardWidth),
            "num_hidden_layers": .integer(configuration.decidingLayers),
            "num_attention_heads": .integer(configuration.attentionHeads),
            "num_key_value_heads": .integer(configuration.keyValueHeads),
            "head_dim": .integer(configuration.headDimension),
            "hidden_act": "silu",
            "max_position_embeddings": .integer(configuration.context),
            "rms_norm_eps": .number(configuration.normEpsilon),
            "rope_theta": .number(configuration.ropeBase),
            "rope_scaling": .null,
            "attention_bias": false,
            "mlp_bias": false,
            "tie_word_embeddings": .bool(configuration.tieEmbeddings),
            "bos_token_id": token(configuration.beginningOfText),
            "eos_token_id": token(configuration.endOfText),
            "torch_dtype": .string(dtype.description),
        ]
    }

    static func extraConfiguration(_ configuration: ModelConfiguration) -> JSONValue {
        [
            "format_version": .integer(formatVersion),
            "heads": .integer(configuration.heads),
            "head_kind": .string(configuration.headKind.rawValue),
            "unembedding": .string(configuration.unembedding.rawValue),
            "layers": .integer(configuration.layers),
            "document_mask": .bool(configuration.documentMask),
            "tokenizer": [
                "name": .string(configuration.tokenizerName), "digest": .string(configuration.tokenizerDigest),
            ],
        ]
    }
}
