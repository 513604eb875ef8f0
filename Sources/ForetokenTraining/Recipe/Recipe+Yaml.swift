import ForetokenModel
import ForetokenText
public import Foundation
internal import Yams

extension Recipe {
    /// Reads and checks a recipe.
    ///
    /// `overrides`: `section.key=value`, the value in YAML; they win over the file.
    /// - Throws: ``RecipeError`` that names the file, the line and the key.
    public init(contentsOf url: URL, overrides: [String] = []) throws {
        try self.init(contentsOf: url, overriding: overrides.map(RecipeOverride.init(option:)))
    }

    package init(contentsOf url: URL, overriding overrides: [RecipeOverride]) throws {
        let text = try YamlText.read(url, what: "recipe")
        try self.init(yaml: text, file: url.relativePath, overriding: overrides)
    }

    /// Reads and checks a recipe's text; `file` is its name in errors.
    public init(yaml: String, file: String, overrides: [String] = []) throws {
        try self.init(yaml: yaml, file: file, overriding: overrides.map(RecipeOverride.init(option:)))
    }

    package init(yaml: String, file: String, overriding overrides: [RecipeOverride]) throws {
        self.init()
        var root = try YamlText.root(of: yaml, file: file, what: "recipe")
        for override in overrides { try Self.apply(override, to: &root) }
        guard let mapping = root.mapping else {
            throw RecipeError.unreadable(
                file: file, reason: "is no recipe: expected sections like `model:`, found \(root.summary)")
        }
        let top = RecipeReader(mapping, path: "", origin: RecipeOrigin(file: file, overrides: overrides))
        seed = try top.unsigned("seed") ?? seed
        try readData(top.section("data"))
        try readStart(top.section("start"))
        try readModel(top.section("model"))
        try readTraining(top.section("training"))
        try readMemory(top.section("memory"))
        try top.finish()
        try validate()
    }

    private mutating func readData(_ reader: RecipeReader) throws {
        data.train = try reader.string("train") ?? data.train
        data.sources = try reader.sections("sources").map { source in
            let found = Data.Source(
                path: try source.string("path") ?? "", weight: try source.number("weight") ?? 1)
            try source.finish()
            return found
        }
        data.validation = try reader.string("validation")
        data.maskPrompts = try reader.boolean("maskPrompts") ?? data.maskPrompts
        try reader.finish()
    }

    private mutating func readStart(_ reader: RecipeReader) throws {
        start.from = try reader.string("from")
        start.newHeads = try Self.choice(reader, "start.newHeads", "newHeads") ?? start.newHeads
        try reader.finish()
    }

    private mutating func readModel(_ reader: RecipeReader) throws {
        model.width = try reader.integer("width") ?? model.width
        let layers = try reader.integer("layers")
        model.layers = layers ?? model.layers
        model.trunkLayers = try reader.integer("trunkLayers")
        if layers != nil, model.trunkLayers != nil {
            throw RecipeError.impossible(
                key: "model.trunkLayers",
                reason: "counts the trunk's blocks alone and model.layers all; give one of the two, the other null")
        }
        model.attentionHeads = try reader.integer("attentionHeads") ?? model.attentionHeads
        model.keyValueHeads = try reader.integer("keyValueHeads")
        model.headDimension = try reader.integer("headDimension")
        model.feedForwardWidth = try reader.integer("feedForwardWidth")
        model.multipleOf = try reader.integer("multipleOf") ?? model.multipleOf
        model.heads = try reader.integer("heads") ?? model.heads
        model.headKind = try Self.choice(reader, "model.headKind", "headKind") ?? model.headKind
        model.unembedding = try Self.choice(reader, "model.unembedding", "unembedding") ?? model.unembedding
        model.context = try reader.integer("context") ?? model.context
        model.ropeBase = try reader.number("ropeBase") ?? model.ropeBase
        model.normEpsilon = try reader.number("normEpsilon") ?? model.normEpsilon
        model.tieEmbeddings = try reader.boolean("tieEmbeddings") ?? model.tieEmbeddings
        model.documentMask = try reader.boolean("documentMask") ?? model.documentMask
        // Known, and refused by name until they compute something.
        for (key, plain) in [
            ("ropeScaling", "none"), ("slidingWindow", "none"), ("attentionBias", "false"), ("mlpBias", "false"),
            ("queryKeyNorm", "false"),
        ] {
            if let value = try reader.string(key), value != plain {
                throw RecipeError.unsupported(key: "model.\(key)", value: value)
            }
        }
        model.given.names = reader.givenKeys
        try reader.finish()
    }

    private mutating func readTraining(_ reader: RecipeReader) throws {
        training.objective = try Self.choice(reader, "training.objective", "objective") ?? training.objective
        training.steps = try reader.integer("steps")
        training.minutes = try reader.number("minutes")
        training.batchSize = try reader.integer("batchSize") ?? training.batchSize
        training.accumulation = try reader.integer("accumulation") ?? training.accumulation
        training.learningRate = try reader.number("learningRate") ?? training.learningRate
        training.headLearningRate = try reader.number("headLearningRate")
        training.schedule = try Self.choice(reader, "training.schedule", "schedule") ?? training.schedule
        training.decayFraction = try reader.number("decayFraction") ?? training.decayFraction
        training.finalLearningRateRatio =
            try reader.number("finalLearningRateRatio") ?? training.finalLearningRateRatio
        training.warmUpSteps = try reader.integer("warmUpSteps")
        training.warmUpFraction = try reader.number("warmUpFraction") ?? training.warmUpFraction
        training.betas = try reader.numbers("betas") ?? training.betas
        training.epsilon = try reader.number("epsilon") ?? training.epsilon
        training.weightDecay = try reader.number("weightDecay") ?? training.weightDecay
        training.clip = try reader.number("clip") ?? training.clip
        training.headWeights = try reader.headWeights("headWeights") ?? training.headWeights
        training.curriculum = try Self.choice(reader, "training.curriculum", "curriculum") ?? training.curriculum
        training.curriculumSteps = try reader.integer("curriculumSteps")
        training.detachTrunk = try reader.boolean("detachTrunk") ?? training.detachTrunk
        training.freezeTrunk = try reader.boolean("freezeTrunk") ?? training.freezeTrunk
        training.softTargets = try reader.integer("softTargets") ?? training.softTargets
        training.validationEvery = try reader.integer("validationEvery") ?? training.validationEvery
        training.validationBatches = try reader.integer("validationBatches") ?? training.validationBatches
        training.checkpointEvery = try reader.integer("checkpointEvery") ?? training.checkpointEvery
        training.keepCheckpoints = try reader.integer("keepCheckpoints") ?? training.keepCheckpoints
        training.keepEvery = try reader.integer("keepEvery") ?? training.keepEvery
        training.logEvery = try reader.integer("logEvery") ?? training.logEvery
        training.precision = try Self.choice(reader, "training.precision", "precision") ?? training.precision
        training.device = try reader.string("device") ?? training.device
        training.threads = try reader.integer("threads")
        try reader.finish()
    }

    private mutating func readMemory(_ reader: RecipeReader) throws {
        memory.recompute = try Self.choice(reader, "memory.recompute", "recompute") ?? memory.recompute
        memory.logitsMiB = try reader.integer("logitsMiB") ?? logitsMiB
        try reader.finish()
    }

    private static func choice<Choice: RawRepresentable & CaseIterable>(
        _ reader: RecipeReader, _ path: String, _ key: String
    ) throws -> Choice? where Choice.RawValue == String {
        guard let name = try reader.string(key) else { return nil }
        guard let choice = Choice(rawValue: name) else {
            let names = Choice.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
            throw RecipeError.impossible(
                key: path, reason: "'\(name)' is not known or not supported yet; use one of \(names)")
        }
        return choice
    }

    /// Sets `a.b=value` in the tree, making sections on the way.
    private static func apply(_ override: RecipeOverride, to root: inout Node) throws {
        let text = override.text
        guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
            throw RecipeError.unreadable(file: override.place, reason: "expected section.key=value")
        }
        let path = text[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        let value = try YamlText.root(
            of: String(text[text.index(after: equals)...]), file: override.place, what: "value", empty: Node(""))
        func set(_ node: Node?, _ path: ArraySlice<String>) -> Node {
            guard let key = path.first else { return value }
            var mapping = node?.mapping ?? Node.Mapping([])
            mapping[Node(key)] = set(mapping[Node(key)], path.dropFirst())
            return .mapping(mapping)
        }
        root = set(root, path[...])
    }

    /// The whole recipe as YAML that reads back equal.
    public var yaml: String {
        var lines: [String] = []
        func add(_ key: String, _ value: (some Any)?) {
            lines.append("  \(key): " + (value.map { "\($0)" } ?? "null"))
        }
        func quoted(_ text: String) -> String {
            "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n") + "\""
        }
        lines += ["seed: \(seed)", "data:"]
        add("train", quoted(data.train))
        let sources = data.sources.map { "{path: \(quoted($0.path)), weight: \($0.weight)}" }
        add("sources", sources.isEmpty ? nil : "[" + sources.joined(separator: ", ") + "]")
        add("validation", data.validation.map(quoted))
        add("maskPrompts", data.maskPrompts)
        lines.append("start:")
        add("from", start.from.map(quoted))
        add("newHeads", start.newHeads.rawValue)
        lines.append("model:")
        add("width", model.width)
        add("layers", model.trunkLayers == nil ? model.layers : nil)
        add("trunkLayers", model.trunkLayers)
        add("attentionHeads", model.attentionHeads)
        add("keyValueHeads", model.keyValueHeads)
        add("headDimension", model.headDimension)
        add("feedForwardWidth", model.feedForwardWidth)
        add("multipleOf", model.multipleOf)
        add("heads", model.heads)
        add("headKind", model.headKind.rawValue)
        add("unembedding", model.unembedding.rawValue)
        add("context", model.context)
        add("ropeBase", model.ropeBase)
        add("normEpsilon", model.normEpsilon)
        add("tieEmbeddings", model.tieEmbeddings)
        add("documentMask", model.documentMask)
        lines.append("training:")
        add("objective", training.objective.rawValue)
        add("steps", training.steps)
        add("minutes", training.minutes)
        add("batchSize", training.batchSize)
        add("accumulation", training.accumulation)
        add("learningRate", training.learningRate)
        add("headLearningRate", training.headLearningRate)
        add("schedule", training.schedule.rawValue)
        add("decayFraction", training.decayFraction)
        add("finalLearningRateRatio", training.finalLearningRateRatio)
        add("warmUpSteps", training.warmUpSteps)
        add("warmUpFraction", training.warmUpFraction)
        add("betas", training.betas)
        add("epsilon", training.epsilon)
        add("weightDecay", training.weightDecay)
        add("clip", training.clip)
        add("headWeights", training.headWeights.yaml)
        add("curriculum", training.curriculum.rawValue)
        add("curriculumSteps", training.curriculumSteps)
        add("detachTrunk", training.detachTrunk)
        add("freezeTrunk", training.freezeTrunk)
        add("softTargets", training.softTargets)
        add("validationEvery", training.validationEvery)
        add("validationBatches", training.validationBatches)
        add("checkpointEvery", training.checkpointEvery)
        add("keepCheckpoints", training.keepCheckpoints)
        add("keepEvery", training.keepEvery)
        add("logEvery", training.logEvery)
        add("precision", training.precision.rawValue)
        add("device", quoted(training.device))
        add("threads", training.threads)
        lines.append("memory:")
        add("recompute", memory.recompute.rawValue)
        add("logitsMiB", logitsMiB)
        return lines.joined(separator: "\n") + "\n"
    }

    /// The keys in which two recipes differ.
    public func differingKeys(from other: Recipe) -> [String] {
        zip(flat, other.flat).filter { $0 != $1 }.map(\.0.key)
    }

    /// The value of a key such as `model.heads` as YAML; nil for one that no recipe has.
    package func value(of key: String) -> String? { flat.first { $0.key == key }?.value }

    /// All keys with their sections, and their values as YAML.
    private var flat: [(key: String, value: String)] {
        var section = ""
        return yaml.split(separator: "\n").compactMap { line in
            let key = line.prefix { $0 != ":" }.drop { $0 == " " }
            let value = line.drop { $0 != ":" }.dropFirst().drop { $0 == " " }
            guard line.hasPrefix(" ") else {
                section = String(key)
                return value.isEmpty ? nil : (section, String(value))
            }
            return ("\(section).\(key)", String(value))
        }
    }
}
