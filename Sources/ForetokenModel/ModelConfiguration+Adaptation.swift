extension ModelConfiguration {
    /// Returns the configuration with other heads on the same next-token model. The blocks of next-token decoding stay: the last
    /// of them is head 1, or, for `linear` heads, all of them form the trunk.
    ///
    /// - Throws: ``ModelError/impossible(_:)`` if next-token decoding would change.
    public func adapted(heads: Int, headKind: HeadKind, unembedding: UnembeddingKind) throws(ModelError)
        -> ModelConfiguration
    {
        if self.headKind == .linear, headKind != .linear {
            throw .impossible("head 1 of the checkpoint is linear, so its other heads must be linear, too")
        }
        if headKind == .anticausal, self.headKind != .anticausal && heads > 1 || heads != self.heads {
            throw .impossible(
                "head 1 of anticausal heads depends on the others, so a checkpoint of \(self.heads) \(self.headKind) heads "
                    + "cannot be given \(heads) anticausal heads")
        }
        if self.unembedding == .replicated, unembedding == .shared, self.headKind == headKind,
            min(heads, self.heads) > 1
        {
            throw .impossible(
                "the checkpoint's heads have separate unembeddings; they cannot be merged into a shared one")
        }
        var adapted = self
        adapted.heads = heads
        adapted.headKind = headKind
        adapted.unembedding = unembedding
        if headKind != self.headKind { adapted.finalNorm = .shared }
        if headKind == .anticausal, self.headKind == .anticausal { return adapted }
        if headKind == .linear {
            adapted.layers = nextTokenLayers
        } else {
            adapted.layers = nextTokenLayers - 1 + heads
        }
        try adapted.validate()
        return adapted
    }
}
