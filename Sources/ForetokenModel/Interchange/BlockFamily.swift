import ForetokenFiles

/// The Hugging Face model families with a supported transformer block.
enum BlockFamily: String, CaseIterable {
    case llama, mistral, qwen2, qwen3

    /// Other names of families.
    private static let relatives: [String: BlockFamily] = ["mimo": .qwen2]

    /// The family of a configuration's `model_type`.
    ///
    /// - Throws: ``ModelError/otherModel(file:key:value:supported:)``.
    init(_ node: JSONNode) throws {
        let name = try node.string()
        guard let family = Self(rawValue: name) ?? Self.relatives[name] else {
            throw ModelError.otherModel(
                file: node.file, key: node.path, value: name,
                supported: (Self.allCases.map(\.rawValue) + Self.relatives.keys.sorted()).joined(separator: ", "))
        }
        self = family
    }

    /// The family that a model is exported as.
    init(_ configuration: ModelConfiguration) {
        let isMistral = configuration.slidingWindow?.firstLayer == 0 && configuration.attentionBias == .none
        self =
            configuration.queryKeyNorm
            ? .qwen3 : configuration.attentionBias == .inputs ? .qwen2 : isMistral ? .mistral : .llama
    }

    /// Whether the family's class in transformers computes the blocks of a model that is exported as this family.
    func computes(_ configuration: ModelConfiguration) -> Bool {
        (configuration.slidingWindow == nil || self != .llama) && (!configuration.feedForwardBias || self == .llama)
    }

    /// The model class in transformers.
    var architecture: String {
        switch self {
        case .llama: "LlamaForCausalLM"
        case .mistral: "MistralForCausalLM"
        case .qwen2: "Qwen2ForCausalLM"
        case .qwen3: "Qwen3ForCausalLM"
        }
    }
}
