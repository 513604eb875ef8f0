package import ForetokenModel

extension Recipe {
    /// What a run begins with.
    public struct Start: Sendable, Equatable {
        /// A run or model folder whose weights are taken over; random weights if nil.
        public var from: String?
        /// How heads begin that the checkpoint does not have.
        public var newHeads = NewHeads.copied
        /// The defaults.
        public init() {}
    }

    /// Keys that a recipe's file or its overrides name, and where. Recipes that differ in nothing else are equal.
    public struct Provenance: Sendable, Equatable {
        /// The recipe's file, for errors; empty for a recipe that was made in code.
        var file = ""
        /// Keys such as `model.heads` whose values are not null.
        public internal(set) var keys: Set<String> = []
        /// The file and line, or the option, that gave a key.
        var places: [String: String] = [:]
        /// Hints about keys that were renamed.
        public internal(set) var notices: [String] = []
        /// Whether the model's other values are a checkpoint's.
        var isShapeComplete = false

        /// Always.
        public static func == (a: Provenance, b: Provenance) -> Bool { true }
    }

    /// The error for a key's value, with the place that gave it.
    package func invalidValue(_ key: String, _ reason: String) -> RecipeError {
        .invalidValue(
            place: provenance.places[key] ?? (provenance.file.isEmpty ? "recipe" : provenance.file), key: key,
            reason: reason)
    }

    /// Whether the recipe itself names a key of the model, such as `heads`.
    private func sets(_ key: String) -> Bool { provenance.keys.contains("model.\(key)") }

    /// Whether the model's shape is yet to be taken from ``start``.
    var isShapeFromCheckpoint: Bool {
        start.from != nil && !provenance.isShapeComplete && !["heads", "trunkLayers", "width"].allSatisfy(sets)
    }

    /// Takes the model's shape from a checkpoint: what the recipe names of heads, headKind, unembedding, contextLength and
    /// documentMask stays and may differ; the rest is the checkpoint's.
    ///
    /// - Returns: the configuration to train.
    /// - Throws: ``RecipeError/invalidValue(place:key:reason:)`` for a key that contradicts the checkpoint.
    package mutating func adoptShape(ofCheckpoint base: ModelConfiguration) throws -> ModelConfiguration {
        if !sets("heads") { model.heads = base.heads }
        if !sets("headKind") { model.headKind = base.headKind }
        if !sets("unembedding") { model.unembedding = base.unembedding }
        if !sets("contextLength") { model.contextLength = base.contextLength }
        if !sets("documentMask") { model.documentMask = base.documentMask }
        var adapted: ModelConfiguration
        do throws(ModelError) {
            adapted = try base.adapted(heads: model.heads, headKind: model.headKind, unembedding: model.unembedding)
        } catch {
            throw invalidValue("model.heads", error.description)
        }
        adapted.contextLength = model.contextLength
        adapted.documentMask = model.documentMask
        try take("width", \.width, base.width)
        if sets("layers") { try take("layers", \.layers, adapted.layers) }
        model.layers = Model().layers
        try take("trunkLayers", \.trunkLayers, adapted.trunkLayers)
        try take("attentionHeads", \.attentionHeads, base.attentionHeads)
        try take("keyValueHeads", \.keyValueHeads, base.keyValueHeads)
        try take("headDimension", \.headDimension, base.headDimension)
        try take("feedForwardWidth", \.feedForwardWidth, base.feedForwardWidth)
        try take("ropeBase", \.ropeBase, base.ropeBase)
        try take("normEpsilon", \.normEpsilon, base.normEpsilon)
        try take("tieEmbeddings", \.tieEmbeddings, base.tieEmbeddings)
        provenance.isShapeComplete = true
        return adapted
    }

    /// Takes a value over from the checkpoint; the recipe may name the same, but no other.
    private mutating func take<Value: Equatable>(
        _ key: String, _ own: WritableKeyPath<Model, Value>, _ theirs: Value
    ) throws {
        let path = "model.\(key)"
        let (isSame, given) = (model[keyPath: own] == theirs, value(of: path) ?? "")
        model[keyPath: own] = theirs
        guard !sets(key) || isSame else {
            throw invalidValue(
                path, "\(given) differs from the checkpoint in start.from (\(value(of: path) ?? "")); leave the key out"
            )
        }
    }

    /// Takes the model's section of the recipe that a run wrote down, for the keys that this one leaves out.
    package mutating func adoptShape(ofStored stored: Recipe) {
        var merged = stored.model
        if sets("heads") { merged.heads = model.heads }
        if sets("headKind") { merged.headKind = model.headKind }
        if sets("unembedding") { merged.unembedding = model.unembedding }
        if sets("contextLength") { merged.contextLength = model.contextLength }
        if training.sequenceLength == nil { training.sequenceLength = stored.training.sequenceLength }
        if sets("documentMask") { merged.documentMask = model.documentMask }
        merged.multipleOf = stored.model.multipleOf
        model = merged
        provenance.isShapeComplete = true
    }
}
