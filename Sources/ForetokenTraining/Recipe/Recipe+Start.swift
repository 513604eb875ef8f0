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

    /// Keys that a recipe names itself, the others being defaults; of no account when recipes are compared.
    public struct GivenKeys: Sendable, Equatable {
        /// The keys.
        public var names: Set<String> = []
        /// Whether the other values are a checkpoint's.
        var isComplete = false
        /// None.
        public init() {}
        /// Always.
        public static func == (a: GivenKeys, b: GivenKeys) -> Bool { true }
    }

    /// Whether the model's shape is yet to be taken from ``start``.
    var isShapeOpen: Bool {
        start.from != nil && !model.given.isComplete
            && !model.given.names.isSuperset(of: ["heads", "trunkLayers", "width"])
    }

    /// Takes the model's shape from a checkpoint: what the recipe gives of heads, headKind, unembedding, context and
    /// documentMask stays and may differ; the rest is the checkpoint's.
    ///
    /// - Returns: the configuration to train.
    /// - Throws: ``RecipeError/impossible(key:reason:)`` for a key that contradicts the checkpoint.
    package mutating func takeShape(of base: ModelConfiguration) throws -> ModelConfiguration {
        let given = model.given.names
        func choose<Value: Equatable>(_ key: String, _ own: inout Value, _ theirs: Value) throws {
            guard !given.contains(key) || own == theirs else {
                throw RecipeError.impossible(
                    key: "model.\(key)",
                    reason: "\(own) is not what the checkpoint in start.from has (\(theirs)); leave the key out")
            }
            own = theirs
        }
        if !given.contains("heads") { model.heads = base.heads }
        if !given.contains("headKind") { model.headKind = base.headKind }
        if !given.contains("unembedding") { model.unembedding = base.unembedding }
        if !given.contains("context") { model.context = base.context }
        if !given.contains("documentMask") { model.documentMask = base.documentMask }
        var adapted: ModelConfiguration
        do throws(ModelError) {
            adapted = try base.adapted(heads: model.heads, headKind: model.headKind, unembedding: model.unembedding)
        } catch {
            throw RecipeError.impossible(key: "model.heads", reason: error.description)
        }
        adapted.context = model.context
        adapted.documentMask = model.documentMask
        try choose("width", &model.width, base.width)
        if given.contains("layers") { try choose("layers", &model.layers, adapted.layers) }
        var trunk = model.trunkLayers ?? adapted.trunkLayers
        try choose("trunkLayers", &trunk, adapted.trunkLayers)
        (model.layers, model.trunkLayers) = (Model().layers, trunk)
        try choose("attentionHeads", &model.attentionHeads, base.attentionHeads)
        var (keys, dimension) = (model.keyValueHeads ?? 0, model.headDimension ?? 0)
        var inner = model.feedForwardWidth ?? 0
        try choose("keyValueHeads", &keys, base.keyValueHeads)
        try choose("headDimension", &dimension, base.headDimension)
        try choose("feedForwardWidth", &inner, base.feedForwardWidth)
        (model.keyValueHeads, model.headDimension, model.feedForwardWidth) = (keys, dimension, inner)
        try choose("ropeBase", &model.ropeBase, base.ropeBase)
        try choose("normEpsilon", &model.normEpsilon, base.normEpsilon)
        try choose("tieEmbeddings", &model.tieEmbeddings, base.tieEmbeddings)
        model.given.isComplete = true
        return adapted
    }

    /// Takes the model's section of the recipe that a run wrote down, for the keys that this one leaves out.
    package mutating func takeShape(of stored: Recipe) {
        var merged = stored.model
        let given = model.given.names
        if given.contains("heads") { merged.heads = model.heads }
        if given.contains("headKind") { merged.headKind = model.headKind }
        if given.contains("unembedding") { merged.unembedding = model.unembedding }
        if given.contains("context") { merged.context = model.context }
        if given.contains("documentMask") { merged.documentMask = model.documentMask }
        merged.multipleOf = stored.model.multipleOf
        model = merged
    }
}
