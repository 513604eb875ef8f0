import ForetokenFiles
import ForetokenPlatform

// The rotary embedding and the window of attention.
extension HuggingFaceConfiguration {
    private static let contexts = 1...(1 << 24)

    /// `rope_theta` and `rope_scaling` of transformers 4, or both in `rope_parameters` of 5; and the context length.
    ///
    /// - Parameter context: `max_position_embeddings`. Under YaRN this may still be the original context, as transformers and
    ///   vLLM take it: the model's is then the original one times the factor.
    static func rope(
        _ config: JSONNode, context: Int
    ) throws -> (base: Double, scaling: RopeScaling?, context: Int) {
        let node = try config["rope_scaling"].ifPresent ?? config["rope_parameters"].ifPresent
        let base = try node?["rope_theta"].ifPresent ?? config["rope_theta"].ifPresent
        for object in [config, node].compactMap(\.self) {
            if let part = try object["partial_rotary_factor"].ifPresent, try part.double() != 1 {
                throw ModelError.otherModel(
                    file: part.file, key: part.path, value: String(try part.double()), supported: "1")
            }
        }
        let theta = try base?.double() ?? 10_000
        guard let node else { return (theta, nil, context) }
        guard let type = try node["rope_type"].ifPresent ?? node["type"].ifPresent else {
            // Only a base, as transformers 5 may write it; anything else is a scaling of an unknown kind.
            let others = try node.object().map(\.0).filter { $0 != "rope_theta" && $0 != "partial_rotary_factor" }
            guard let other = others.first else { return (theta, nil, context) }
            throw ModelError.otherModel(
                file: node.file, key: "\(node.path).rope_type", value: "missing beside '\(other)'",
                supported: supportedScalings)
        }
        let scaling = try scaling(node, type: type, config, context: context)
        guard case .yarn(let yarn) = scaling, yarn.originalContext == context else { return (theta, scaling, context) }
        return (theta, scaling, max(context, min(contexts.upperBound, Int(yarn.factor * Double(context)))))
    }

    private static let supportedScalings = "default, linear, dynamic, yarn, llama3"

    private static func scaling(
        _ node: JSONNode, type: JSONNode, _ config: JSONNode, context: Int
    ) throws -> RopeScaling? {
        // Of a model's own key, which transformers prefers, of the scaling's, or the model's context.
        func original() throws -> Int {
            let own = try config["original_max_position_embeddings"].ifPresent
            return try (own ?? node["original_max_position_embeddings"].ifPresent)?.integer(in: contexts) ?? context
        }
        // As in Python, where 0 is false as null is.
        func number(_ key: String) throws -> Double? {
            guard let value = try node[key].ifPresent?.double(), value != 0 else { return nil }
            return value
        }
        switch try type.string() {
        case "default": return nil
        case "linear": return .linear(factor: try node["factor"].double())
        case "dynamic": return .dynamic(factor: try node["factor"].double(), originalContext: context)
        case "llama3":
            return .llama3(
                RopeScaling.Llama3(
                    factor: try node["factor"].double(), lowFrequencyFactor: try node["low_freq_factor"].double(),
                    highFrequencyFactor: try node["high_freq_factor"].double(), originalContext: try original()))
        case "yarn":
            let original = try original()
            let factor = try node["factor"].ifPresent?.double() ?? Double(context) / Double(original)
            var attention = try node["attention_factor"].ifPresent?.double()
            if attention == nil, let scale = try number("mscale"), let allScale = try number("mscale_all_dim") {
                func magnitude(_ scale: Double) -> Double { factor <= 1 ? 1 : 0.1 * scale * log(factor) + 1 }
                attention = magnitude(scale) / magnitude(allScale)
            }
            return .yarn(
                RopeScaling.Yarn(
                    factor: factor, originalContext: original, betaFast: try number("beta_fast") ?? 32,
                    betaSlow: try number("beta_slow") ?? 1, attentionFactor: attention,
                    roundsBounds: try node["truncate"].ifPresent?.bool() ?? true))
        case let other:
            throw ModelError.otherModel(file: type.file, key: type.path, value: other, supported: supportedScalings)
        }
    }

    /// `rope_scaling`, as transformers 4 and 5 read it.
    static func value(_ scaling: RopeScaling?) -> JSONValue {
        switch scaling {
        case nil: return .null
        case .llama3(let llama3):
            return [
                "rope_type": "llama3", "factor": .number(llama3.factor),
                "low_freq_factor": .number(llama3.lowFrequencyFactor),
                "high_freq_factor": .number(llama3.highFrequencyFactor),
                "original_max_position_embeddings": .integer(llama3.originalContext),
            ]
        case .linear(let factor): return ["rope_type": "linear", "factor": .number(factor)]
        case .dynamic(let factor, _): return ["rope_type": "dynamic", "factor": .number(factor)]
        case .yarn(let yarn):
            var keys: JSONValue = [
                "rope_type": "yarn", "factor": .number(yarn.factor),
                "original_max_position_embeddings": .integer(yarn.originalContext),
                "beta_fast": .number(yarn.betaFast), "beta_slow": .number(yarn.betaSlow),
                "truncate": .bool(yarn.roundsBounds),
            ]
            if let factor = yarn.attentionFactor, case .object(var object) = keys {
                object["attention_factor"] = .number(factor)
                keys = .object(object)
            }
            return keys
        }
    }

    /// Whether no class of transformers computes the model, so that the keys of all families count.
    static func isOwn(_ config: JSONNode) throws -> Bool {
        try config["model_type"].ifPresent?.string() == ModelFolder.ownType
    }

    // MARK: Sliding window

    /// The window: on by default for Mistral, opt-in for Qwen from a layer on, unknown to Llama.
    static func window(_ config: JSONNode, family: BlockFamily, layers: Int) throws -> SlidingWindow? {
        let window = try config["sliding_window"]
        switch family {
        case .llama:
            guard let window = window.ifPresent else { return nil }
            guard try isOwn(config) else {
                throw ModelError.otherModel(
                    file: config.file, key: "sliding_window", value: String(try window.integer()),
                    supported: "null, since transformers' Llama ignores it")
            }
            return SlidingWindow(
                size: try window.integer(in: contexts),
                firstLayer: try config["max_window_layers"].ifPresent?.integer(in: 0...layers) ?? 0)
        case .mistral:
            if window.value == .null { return nil }
            return SlidingWindow(size: try window.ifPresent?.integer(in: contexts) ?? 4096)
        case .qwen2, .qwen3:
            guard window.value != .null, try config["use_sliding_window"].ifPresent?.bool() ?? false else { return nil }
            let firstLayer = try firstWindowLayer(config, layers: layers)
            guard firstLayer < layers else { return nil }
            return SlidingWindow(size: try window.ifPresent?.integer(in: contexts) ?? 4096, firstLayer: firstLayer)
        }
    }

    /// The first layer of `layer_types` with a window, or `max_window_layers`, whose default is 28.
    private static func firstWindowLayer(_ config: JSONNode, layers: Int) throws -> Int {
        guard let node = try config["layer_types"].ifPresent else {
            return try config["max_window_layers"].ifPresent?.integer(in: 0...contexts.upperBound) ?? 28
        }
        let types = try node.array().map { type in
            let name = try type.string()
            guard ["full_attention", "sliding_attention"].contains(name) else {
                throw ModelError.otherModel(
                    file: type.file, key: type.path, value: name, supported: "full_attention, sliding_attention")
            }
            return name
        }
        let first = types.firstIndex(of: "sliding_attention") ?? types.count
        guard types.count == layers, types[first...].allSatisfy({ $0 == "sliding_attention" }) else {
            throw ModelError.otherModel(
                file: node.file, key: node.path, value: "\(types.count) types",
                supported: "\(layers) types, full_attention before sliding_attention")
        }
        return first
    }
}
