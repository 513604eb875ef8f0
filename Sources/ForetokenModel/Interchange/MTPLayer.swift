import ForetokenFiles

/// The layer for multi-token prediction in MiMo-7B's checkpoints, beside a dense model of any supported family: a `deepseek` head
/// 2 with a final norm of its own.
///
/// By its owner's `modeling_mimo.py`, the layer projects [norm(hidden); norm(embedding)], hidden being the output of the model's
/// last block before the final norm and embedding that of the next token; one block of the model's kind and a final norm follow,
/// then the model's unembedding. Positions are those of the hidden states. vLLM's `mimo_mtp.py` computes the same, except that it
/// zeroes the embedding beside position 0, in every checkpoint alike: a choice of the runtime that no file states.
enum MTPLayer {
    /// The number of layers in `config.json`.
    static let countKey = "num_nextn_predict_layers"
    /// The model class in vLLM.
    static let architecture = "MiMoForCausalLM"

    private static let head = "heads.2."
    private static let layer = "model.mtp_layers.0."
    private static let names = [
        "embedding_norm.weight": "token_layernorm.weight", "hidden_norm.weight": "hidden_layernorm.weight",
        "projection.weight": "input_proj.weight", "norm.weight": "final_layernorm.weight",
    ]

    /// The name of a parameter's tensor.
    static func tensor(of parameter: String) -> String {
        guard parameter.hasPrefix(head) else { return parameter }
        let own = String(parameter.dropFirst(head.count))
        return layer + (names[own] ?? own)
    }
}

extension HuggingFaceConfiguration {
    /// Adds the head of a checkpoint with an ``MTPLayer``.
    ///
    /// - Throws: ``ModelError/otherModel(file:key:value:supported:)`` for other numbers of layers than 0 and 1.
    static func addHeads(_ config: JSONNode, to configuration: inout ModelConfiguration) throws {
        guard let node = try config[MTPLayer.countKey].ifPresent else { return }
        let count = try node.integer()
        guard (0...1).contains(count) else {
            throw ModelError.otherModel(
                file: node.file, key: node.path, value: String(count),
                supported: "0 and 1; no published code says what a further layer reads")
        }
        guard count == 1 else { return }
        func refuse(beside what: String, supported: String) -> ModelError {
            .otherModel(file: node.file, key: node.path, value: "1 beside \(what)", supported: supported)
        }
        if let window = configuration.slidingWindow {
            throw refuse(beside: "a sliding window of \(window.size) tokens", supported: "1 without a window")
        }
        // Head 1 is the last layer, and heads need a trunk.
        guard configuration.layers > 1 else {
            throw refuse(beside: "one hidden layer", supported: "1 with a num_hidden_layers of 2 or more")
        }
        configuration.headKind = .deepseek
        configuration.finalNorm = .replicated
        configuration.heads = 2
        configuration.layers += 1
    }

    /// Refuses heads in a folder of their own by name.
    ///
    /// - Throws: ``ModelError/otherModel(file:key:value:supported:)``.
    static func refuseSeparateHeads(_ config: JSONNode) throws {
        guard let count = try config["medusa_num_heads"].ifPresent else { return }
        let base = try config["base_model_name_or_path"].ifPresent?.string()
        throw ModelError.otherModel(
            file: count.file, key: count.path,
            value: "Medusa's heads (residual blocks with SiLU over the normed output of another model)",
            supported: "heads that are in the model's own folder, blocks or linear; "
                + "give \(base.map { "'\($0.shortenedForMessage(limit: 100))'" } ?? "the model that these heads are for") "
                + "and train heads on it (start.from)")
    }
}
