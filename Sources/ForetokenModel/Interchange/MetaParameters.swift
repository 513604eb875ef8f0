import ForetokenFiles

/// `params.json` of Meta's format.
enum MetaParameters {
    static let fileName = "params.json"

    /// The context length of the released models (paper, section 3), which the file does not give.
    static let releasedContext = 4096

    /// Keys of Meta's `ModelArgs` that are runtime settings.
    private static let runtimeKeys: Set<String> = ["max_batch_size", "max_seq_len"]
    private static let keys: Set<String> = [
        "dim", "n_layers", "n_heads", "n_kv_heads", "vocab_size", "multiple_of", "ffn_dim_multiplier", "norm_eps",
        "n_future_tokens", "rope_theta",
    ]

    /// Reads the model's configuration.
    ///
    /// - Parameter vocabulary: the embedding's rows, since Meta's own files may give -1.
    /// - Throws: `JSONError` or ``ModelError``, naming file and key; also for unknown keys, which could change the computation.
    static func read(_ node: JSONNode, vocabulary: Int, isTied: Bool) throws -> ModelConfiguration {
        for key in try node.object().keys where !keys.contains(key) && !runtimeKeys.contains(key) {
            if case .null = try node[key].value { continue }
            throw ModelError.unsupported(file: node.file, key: key, value: (try? node[key].value?.text()) ?? "")
        }
        let sizes = 1...(1 << 24)
        func size(_ key: String) throws -> Int { try node[key].integer(in: sizes) }
        let declared = try node["vocab_size"].ifPresent?.integer(in: -1...(1 << 24)) ?? -1
        guard declared == -1 || declared == vocabulary else {
            throw ModelError.disagreement(
                file: node.file, key: "vocab_size", found: String(declared), expected: String(vocabulary))
        }
        let (width, heads) = (try size("dim"), try size("n_heads"))
        guard width.isMultiple(of: heads) else {
            throw ModelError.disagreement(
                file: node.file, key: "dim", found: "\(width)", expected: "a multiple of n_heads (\(heads))")
        }
        let configuration = ModelConfiguration(
            vocabulary: vocabulary, width: width, layers: try size("n_layers"), attentionHeads: heads,
            keyValueHeads: try node["n_kv_heads"].ifPresent?.integer(in: sizes),
            feedForwardWidth: feedForwardWidth(
                width: width, multipleOf: try node["multiple_of"].ifPresent?.integer(in: sizes) ?? 256,
                multiplier: try node["ffn_dim_multiplier"].ifPresent?.double(in: 0.001...1000)),
            heads: try node["n_future_tokens"].ifPresent?.integer(in: sizes) ?? 1,
            contextLength: try node["max_seq_len"].ifPresent?.integer(in: sizes) ?? releasedContext,
            ropeBase: try node["rope_theta"].ifPresent?.double() ?? 10_000,
            normEpsilon: try node["norm_eps"].ifPresent?.double() ?? 1e-5, tieEmbeddings: isTied,
            // The released models' tokenizer is Llama 2's.
            beginningOfText: vocabulary == 32_000 ? 1 : nil, endOfText: vocabulary == 32_000 ? 2 : nil)
        try configuration.validate(file: node.file)
        return configuration
    }

    /// The file's contents for a model.
    static func value(_ configuration: ModelConfiguration) -> JSONValue {
        let (multipleOf, multiplier) = rule(
            width: configuration.width, feedForwardWidth: configuration.feedForwardWidth)
        return [
            "dim": .integer(configuration.width),
            "n_layers": .integer(configuration.layers),
            "n_heads": .integer(configuration.attentionHeads),
            "n_kv_heads": .integer(configuration.keyValueHeads),
            "vocab_size": .integer(configuration.vocabulary),
            "multiple_of": .integer(multipleOf),
            "ffn_dim_multiplier": multiplier.map { .number($0) } ?? .null,
            "norm_eps": .number(configuration.normEpsilon),
            "n_future_tokens": .integer(configuration.heads),
            "rope_theta": .number(configuration.ropeBase),
        ]
    }

    /// Meta's rule: 8D/3 times the multiplier, each truncated to an integer, rounded up to a multiple (llama/model.py,
    /// FeedForward).
    static func feedForwardWidth(width: Int, multipleOf: Int, multiplier: Double?) -> Int {
        let inner = 8 * width / 3
        let scaled = multiplier.map { Int($0 * Double(inner)) } ?? inner
        return (scaled + multipleOf - 1) / multipleOf * multipleOf
    }

    /// Parameters with which that rule gives a width.
    static func rule(width: Int, feedForwardWidth target: Int) -> (multipleOf: Int, multiplier: Double?) {
        for multipleOf in [256, 128, 64, 32, 16, 8, 4, 2, 1]
        where feedForwardWidth(width: width, multipleOf: multipleOf, multiplier: nil) == target {
            return (multipleOf, nil)
        }
        // With multipleOf = target any width in (0, target] is rounded up to target; the extra quarter is truncated.
        let inner = 8 * width / 3
        return (target, inner <= target ? nil : (Double(target) + 0.25) / Double(inner))
    }
}
