import ForetokenModel

extension PredictionHead {
    /// The floats of a head in a training step on the CPU in float32, without its loss.
    struct MemoryFootprint {
        /// The head's own weights.
        let parameters: Int
        /// Of them an unembedding; 0 if it is shared.
        let unembedding: Int
        /// What is kept for the backward pass beside the head's input. A head that joins embeddings keeps both normed
        /// rows, the joined ones and a copy of the embeddings' rows.
        let kept: Int
        /// On top of what is kept while a block runs backward; nil for a linear map, whose backward pass needs less
        /// than its loss.
        let backwardPeak: Int?

        /// - Parameters:
        ///   - outline: the head.
        ///   - block: of the model's blocks.
        ///   - hidden: floats of one [B, T, D].
        init(_ outline: HeadOutline, block: TransformerBlock.MemoryFootprint, hidden: Int) {
            parameters = outline.parameters.reduce(0) { $0 + $1.count }
            unembedding = outline.ownsUnembedding ? outline.unembedding.count : 0
            let joined = outline.join == nil ? 0 : 4 * hidden
            if case .block = outline.body {
                (kept, backwardPeak) = (block.kept - hidden + joined, block.backwardPeak)
            } else {
                (kept, backwardPeak) = (joined, nil)
            }
        }
    }
}
