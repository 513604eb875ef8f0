import Torch

extension LogitsLoss {
    /// The floats of a head's loss in a training step on the CPU in float32.
    struct MemoryFootprint {
        /// [N, V].
        let logits: Int
        /// What is kept beside them: the head's output, normed and not, and 1/rms.
        let kept: Int

        init(tokens: Int, width: Int, vocabulary: Int) {
            logits = tokens * vocabulary
            kept = 2 * tokens * width + tokens
        }

        /// Logits, their log-softmax and its gradient.
        var peak: Int { kept + 3 * logits }
    }
}

extension FusedLoss {
    /// The floats of a head's loss in a training step on the CPU in float32: the head's output and its gradient, one
    /// chunk of logits, and a few tensors [chunk, D].
    static func peak(tokens: Int, width: Int, vocabulary: Int, logitsBytes: Int) -> Int {
        let chunk = Tensor.fusedCrossEntropyChunk(rows: tokens, vocabulary: vocabulary, logitsBytes: logitsBytes)
        return 2 * tokens * width + chunk * (vocabulary + 3 * width)
    }
}
