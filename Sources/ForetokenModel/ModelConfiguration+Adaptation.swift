extension ModelConfiguration {
    /// The configuration with other heads on the same plain model: the blocks of plain decoding stay, of which head 1 is the
    /// last one, or, for `linear` heads, all belong to the trunk.
    ///
    /// - Throws: ``ModelError/impossible(_:)`` where plain decoding could not stay the same.
    public func adapted(heads: Int, headKind: HeadKind, unembedding: UnembeddingKind) throws(ModelError)
        -> ModelConfiguration
    {
        if self.headKind == .linear, headKind != .linear {
            throw .impossible("head 1 of the checkpoint is a linear map, so its other heads must be linear, too")
        }
        if headKind == .anticausal, self.headKind != .anticausal && heads > 1 || heads != self.heads {
            throw .impossible(
                "head 1 of anticausal heads stands on the others, so a checkpoint of \(self.heads) \(self.headKind) heads "
                    + "cannot get \(heads) of them")
        }
        if self.unembedding == .replicated, unembedding == .shared, self.headKind == headKind,
            min(heads, self.heads) > 1
        {
            throw .impossible("the checkpoint's heads have unembeddings of their own; they cannot share one now")
        }
        var adapted = self
        adapted.heads = heads
        adapted.headKind = headKind
        adapted.unembedding = unembedding
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
