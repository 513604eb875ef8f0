import ForetokenModel
import ForetokenText

extension RecipeKey {
    /// All keys of a recipe in the order in which they are written.
    package static let all: [RecipeKey] = [seed] + data + start + model + training + memory

    /// The sections in their order, with one sentence each.
    package static let sections: [(name: String, summary: String)] = [
        ("data", "Token shards or examples to train and validate on."),
        ("start", "A checkpoint to begin with."),
        (
            "model",
            "Shape of the model. With start.from, keys that are left out or null come from the checkpoint; only heads, headKind, "
                + "unembedding, contextLength and documentMask may differ from it."
        ),
        ("training", "Objective, optimizer, schedule and precision."),
        ("memory", "Memory against recomputation."),
    ]

    /// Up to version 0.1, these keys had other names. They are still read.
    package static let formerPaths = [
        "model.context": "model.contextLength", "training.softTargets": "training.selfDistillationTopK",
    ]

    /// A key's present name.
    package static func presentName(of path: String) -> String { formerPaths[path] ?? path }

    /// Keys of Llama configurations that no model here computes yet, with the only value that they may have.
    static let unsupported = [
        "model.ropeScaling": "none", "model.slidingWindow": "none", "model.attentionBias": "false",
        "model.mlpBias": "false", "model.queryKeyNorm": "false",
    ]

    private static let paths = Dictionary(uniqueKeysWithValues: all.map { ($0.path, $0) })

    /// The key of a path such as `model.heads`.
    package static func named(_ path: String) -> RecipeKey? { paths[path] }

    private static let sizes = 1...1 << 24
    private static let counts = 1...1 << 30

    private static let seed = RecipeKey(
        path: "seed", summary: "Decides the initial weights and the order of the data.",
        type: "integer, 0 to 2^64 − 1", ifNull: nil, choices: [], effect: .result,
        read: { $2.seed = try $0.unsigned() }, write: { "\($0.seed)" }, problem: { _ in nil })

    private static let data: [RecipeKey] = [
        .text(
            "data.train", \.data.train, type: "path",
            "The token shard (.tokens, written by `foretoken prepare`) or the examples (.jsonl) to train on."),
        RecipeKey(
            path: "data.sources",
            summary: "Several token shards in place of data.train, drawn from in proportion to their weights.",
            type: "list of {path, weight}", ifNull: "data.train alone", choices: [], effect: .result,
            read: { value, origin, recipe in
                recipe.data.sources = try value.sections(origin).map { source in
                    let found = Recipe.Data.Source(
                        path: try source.string("path") ?? "", weight: try source.number("weight") ?? 1)
                    try source.finish()
                    return found
                }
            },
            write: { recipe in
                let sources = recipe.data.sources.map { "{path: \(quoted($0.path)), weight: \($0.weight)}" }
                return sources.isEmpty ? nil : "[" + sources.joined(separator: ", ") + "]"
            }, problem: { _ in nil }),
        .text(
            "data.validation", \.data.validation, type: "path", ifNull: "no validation", effect: .none,
            "The token shard or examples to validate on."),
        .flag(
            "data.maskPrompts", \.data.maskPrompts,
            "Whether prompts of examples carry no loss; false trains on prompts as well."),
    ]

    private static let start: [RecipeKey] = [
        .text(
            "start.from", \.start.from, type: "path", ifNull: "random weights",
            "The run or model folder whose weights the run begins with."),
        .choice(
            "start.newHeads", \.start.newHeads, "Initial weights of the heads that the checkpoint does not have."),
    ]

    private static let model: [RecipeKey] = [
        .integer("model.width", \.model.width, in: sizes, "Model width D."),
        RecipeKey(
            path: "model.layers",
            summary:
                "All transformer blocks: those of the trunk plus one for each head that is a block, as in the paper.",
            type: "integer, \(text(sizes))", ifNull: "trunkLayers decides", choices: [],
            effect: .result, read: { $2.model.layers = try $0.integer() },
            write: { $0.model.trunkLayers == nil ? "\($0.model.layers)" : nil },
            problem: { recipe in
                let layers = recipe.model.layers
                return sizes.contains(layers) ? nil : "\(layers) is outside 1...\(sizes.upperBound)"
            }
        ),
        .integer(
            "model.trunkLayers", \.model.trunkLayers, in: sizes, ifNull: "layers decides",
            "Blocks of the trunk alone, in place of layers; heads add to them."),
        .integer("model.attentionHeads", \.model.attentionHeads, in: sizes, "Query heads of attention, H."),
        .integer(
            "model.keyValueHeads", \.model.keyValueHeads, in: sizes, ifNull: "attentionHeads",
            "Key and value heads of attention; fewer than attentionHeads is grouped-query attention."),
        .integer(
            "model.headDimension", \.model.headDimension, in: sizes, ifNull: "width / attentionHeads",
            "Dimensions of one attention head; even."),
        .integer(
            "model.feedForwardWidth", \.model.feedForwardWidth, in: sizes,
            ifNull: "8/3 width, rounded up to multipleOf",
            "Inner width of the SwiGLU feed-forward network."),
        .integer(
            "model.multipleOf", \.model.multipleOf, in: sizes,
            "Rounding of the default feedForwardWidth."),
        .integer(
            "model.heads", \.model.heads, in: sizes,
            "Prediction heads n, the next-token head included: 1 is a next-token model, 4 predicts four tokens."),
        .choice("model.headKind", \.model.headKind, "Architecture of the prediction heads."),
        .choice("model.unembedding", \.model.unembedding, "Output matrices of the heads."),
        .integer(
            "model.contextLength", \.model.contextLength, in: sizes,
            "The longest text that the model reads, in tokens."),
        .number("model.ropeBase", \.model.ropeBase, .above(0), "Base θ of the rotary position embedding."),
        .number("model.normEpsilon", \.model.normEpsilon, .above(0), "ε of RMSNorm."),
        .flag("model.tieEmbeddings", \.model.tieEmbeddings, "Whether embedding and unembedding are one matrix."),
        .flag(
            "model.documentMask", \.model.documentMask,
            "Whether attention stays inside a document where several are packed into one sequence."),
    ]

    private static let memory: [RecipeKey] = [
        .choice(
            "memory.recompute", \.memory.recompute, effect: .rounding,
            "Trunk activations that are recomputed in the backward pass instead of kept."),
        RecipeKey(
            path: "memory.logitsMiB",
            summary: "The most logits in memory at once with the fused objective, in MiB.",
            type: "integer, \(text(1...1 << 20))", ifNull: "64 on the CPU, 512 on a GPU", choices: [],
            effect: .rounding, isDeviceDependent: true, read: { $2.memory.logitsMiB = try $0.integer() },
            write: { "\($0.logitsMiB)" },
            problem: { recipe in
                recipe.memory.logitsMiB.flatMap { (1...1 << 20).contains($0) ? nil : "\($0) is outside 1...\(1 << 20)" }
            }),
    ]
}
