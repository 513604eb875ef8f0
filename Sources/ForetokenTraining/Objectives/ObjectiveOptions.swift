/// Which activations of the trunk are kept from the forward to the backward pass.
public enum Recomputation: String, Sendable, CaseIterable {
    /// All that the backward pass needs.
    case none
    /// Each block's input only; a block runs forward again before its backward pass (Chen et al., arXiv 1604.06174).
    /// Costs one more forward pass of the trunk, and needs the memory of one block.
    case blocks
}

/// The settings of an objective, the same for all of them.
public struct ObjectiveOptions: Sendable, Equatable {
    /// Which activations of the trunk are kept.
    public var recompute: Recomputation
    /// Whether heads 2…n learn from a detached z: their gradients stop before the trunk, head 1 and the embedding.
    public var detachTrunk: Bool
    /// How many of head 1's most probable tokens heads 2…n learn from (self-distillation); 0: from the data's token.
    public var selfDistillationTopK: Int
    /// The most logits that ``FusedObjective`` holds at once, in bytes; ``FusedObjective/logitsBytes(on:)`` of the
    /// model's device if nil. The other objectives hold all logits of a head, or of all heads.
    public var logitsBytes: Int?

    /// Options; by default those of the paper.
    public init(
        logitsBytes: Int? = nil, recompute: Recomputation = .none, detachTrunk: Bool = false,
        selfDistillationTopK: Int = 0
    ) {
        self.recompute = recompute
        self.detachTrunk = detachTrunk
        self.selfDistillationTopK = selfDistillationTopK
        self.logitsBytes = logitsBytes
    }
}
