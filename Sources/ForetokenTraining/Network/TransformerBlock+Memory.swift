import ForetokenModel

extension TransformerBlock {
    /// The floats of a block in a training step on the CPU in float32, beside its weights and their gradients.
    ///
    /// N tokens of a micro-batch, D width, Q = H·d and K width of queries and of keys, F width inside SwiGLU.
    struct MemoryFootprint {
        private let tokens, attentionHeads: Int
        private let hidden, queries, keys, inner: Int
        /// A weight gradient of the feed-forward's [F, D].
        private let matrix: Int

        init(_ outline: BlockOutline, attentionHeads: Int, tokens: Int) {
            (self.tokens, self.attentionHeads) = (tokens, attentionHeads)
            hidden = tokens * outline.attentionNorm.shape[0]
            queries = tokens * outline.query.shape[0]
            keys = tokens * outline.key.shape[0]
            inner = tokens * outline.gate.shape[0]
            matrix = outline.gate.count
        }

        /// From the forward pass to the backward pass: the input [N, D], queries [N, Q] and keys [N, K] with rope,
        /// values, attention's output and log-sums, the sum in the middle of the block, gate and up [N, F], two 1/rms.
        /// Neither normed rows nor what SwiGLU makes of gate and up.
        var kept: Int { 2 * hidden + 2 * queries + 2 * keys + tokens * attentionHeads + 2 * inner + 2 * tokens }

        /// On top of it while the block runs forward: what SwiGLU makes of gate and up, and the output.
        var forwardPeak: Int { inner + hidden }

        /// On top of what is kept while the block runs backward, its input's gradient and the largest of three: the
        /// gradient behind SwiGLU beside that of `down`; normed rows beside the feed-forward's three weight gradients;
        /// or, gate and up freed, attention's gradients of its output, queries, keys and values.
        var backwardPeak: Int {
            let attention = hidden + 2 * queries + 2 * keys + 3 * matrix - 2 * inner
            return hidden + max(inner + matrix, hidden + 3 * matrix, attention)
        }
    }
}
