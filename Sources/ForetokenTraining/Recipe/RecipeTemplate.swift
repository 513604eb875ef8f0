/// Recipes to begin with: `foretoken train --print-recipe --for NAME`.
public enum RecipeTemplate: String, Sendable, CaseIterable {
    /// A byte-level model from random weights.
    case bytes
    /// A model with a byte-pair vocabulary from random weights.
    case bpe
    /// Heads for a next-token model whose output stays as it is.
    case upgrade
    /// Fine-tuning on examples of prompts and completions.
    case finetune

    /// The comment at the top of the recipe.
    private var heading: [String] {
        switch self {
        case .bytes:
            [
                "A byte-level model from random weights: no tokenizer, a vocabulary of 256 bytes. Prepare the data first:",
                "  foretoken prepare FOLDER --out data",
            ]
        case .bpe:
            [
                "A model with a byte-pair vocabulary from random weights. Prepare the data with its tokenizer first:",
                "  foretoken prepare FOLDER --tokenizer tokenizer.json --out data",
            ]
        case .upgrade:
            [
                "Prediction heads for a next-token model: the model is frozen, its output stays as it is, and it decodes",
                "faster with the heads as drafts. Train on text of the kind it writes, best on its own completions:",
                "  foretoken generate --model runs/base --prompts prompts.jsonl --out own.jsonl --max-tokens 200",
            ]
        case .finetune:
            [
                "Fine-tuning on examples, one JSON object per line: {\"prompt\": …, \"completion\": …} or {\"messages\": […]}.",
                "The paper fine-tunes with n = 1 or with the n of pre-training (section 3.6): model.heads decides.",
            ]
        }
    }

    /// The keys in which the recipe differs from the defaults, with their values as YAML.
    private var values: [(path: String, value: String)] {
        switch self {
        case .bytes:
            [
                ("data.train", "data/train.tokens"), ("data.validation", "data/validation.tokens"),
                ("model.width", "256"), ("model.layers", "8"), ("model.attentionHeads", "4"), ("model.heads", "4"),
                ("model.contextLength", "512"), ("training.minutes", "30"), ("training.batchSize", "4"),
                ("training.learningRate", "0.001"),
            ]
        case .bpe:
            [
                ("data.train", "data/train.tokens"), ("data.validation", "data/validation.tokens"),
                ("model.width", "512"), ("model.layers", "12"), ("model.attentionHeads", "8"), ("model.heads", "4"),
                ("model.contextLength", "1024"), ("training.steps", "20000"), ("training.batchSize", "8"),
                ("training.accumulation", "4"), ("training.learningRate", "0.0006"), ("training.warmUpSteps", "500"),
            ]
        case .upgrade:
            [
                ("data.train", "own.jsonl"), ("start.from", "runs/base"), ("start.newHeads", "copied"),
                ("model.heads", "4"), ("model.headKind", "linear"), ("training.steps", "2000"),
                ("training.learningRate", "0.001"), ("training.freezeTrunk", "true"),
                ("training.selfDistillationTopK", "16"),
            ]
        case .finetune:
            [
                ("data.train", "examples.jsonl"), ("data.validation", "held-out.jsonl"), ("data.maskPrompts", "true"),
                ("start.from", "runs/base"), ("training.steps", "500"), ("training.learningRate", "0.00003"),
                ("training.warmUpSteps", "50"), ("training.validationEvery", "100"),
            ]
        }
    }

    /// The recipe as commented YAML: the keys that matter for this purpose, the others as comments with their defaults.
    public var yaml: String {
        let values = Dictionary(uniqueKeysWithValues: values.map { ($0.path, $0.value) })
        let hasBase = values["start.from"] != nil
        return heading.map { "# \($0)\n" }.joined()
            + RecipeKey.commentedYAML(shapeFromCheckpoint: hasBase) { values[$0.path] }
    }

    /// Every key with its default as commented YAML.
    public static var allKeys: String {
        "# Every key of a recipe with its default. data.train and training.steps (or minutes) have none: give your own.\n"
            + RecipeKey.commentedYAML { key in
                switch key.path {
                case "data.train": "data/train.tokens"
                case "training.steps": "1000"
                default: key.defaultValue
                }
            }
    }
}

extension RecipeKey {
    /// All keys with a comment each; keys without a value are commented out and show their default.
    ///
    /// - Parameter shapeFromCheckpoint: whether a key of the model that has no value comes from a checkpoint.
    fileprivate static func commentedYAML(
        shapeFromCheckpoint: Bool = false, _ value: (RecipeKey) -> String?
    ) -> String {
        var text = ""
        var section = ""
        for key in all {
            if key.section != section {
                section = key.section
                text += "\n# \(sections.first { $0.name == section }?.summary ?? "")\n\(section):\n"
            }
            let indent = section.isEmpty ? "" : "  "
            for line in wrapped(key.summary + key.typeInBrackets, width: 110) {
                text += "\(indent)# \(line)\n"
            }
            for choice in key.choices { text += "\(indent)#   \(choice.name): \(choice.summary)\n" }
            let standard = shapeFromCheckpoint && key.section == "model" ? "null" : key.defaultValue
            text += value(key).map { "\(indent)\(key.name): \($0)\n" } ?? "\(indent)#\(key.name): \(standard)\n"
        }
        return text
    }

    /// The type and what null means; nothing for a choice, whose names are listed.
    private var typeInBrackets: String {
        guard choices.isEmpty else { return "" }
        return " [" + ([type.replacing("`", with: "")] + (ifNull.map { ["null: \($0)"] } ?? [])).joined(separator: "; ")
            + "]"
    }
}

/// A text in lines of at most `width` letters.
private func wrapped(_ text: String, width: Int) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ") {
        if let last = lines.last, last.count + word.count < width {
            lines[lines.count - 1] = last + " " + word
        } else {
            lines.append(String(word))
        }
    }
    return lines
}
