internal import CTorch

extension Tensor {
    /// Σ over rows of −log softmax(logits)[target], for logits [N, V] and int64 targets [N]; rows whose target is
    /// `ignored` count nothing. A sum and not a mean: the caller divides by the count over the whole global batch.
    public func crossEntropySum(
        targets: Tensor, ignoring ignored: Int64 = -100, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        binary(targets, file, line) { ct_cross_entropy_sum($0, $1, ignored) }
    }

    /// −Σ over rows and j of probability_j · log softmax(logits)[target_j], for logits [N, V], int64 targets [N, k] and
    /// probabilities [N, k]; rows whose first target is `ignored` count nothing.
    public func crossEntropySum(
        targets: Tensor, probabilities: Tensor, ignoring ignored: Int64 = -100, file: StaticString = #fileID,
        line: UInt = #line
    ) -> Tensor {
        checked(
            call { x in targets.call { t in probabilities.call { ct_soft_cross_entropy_sum(x, t, $0, ignored) } } },
            file, line)
    }

    /// The end of a prediction head and its gradient in one pass over chunks of rows: RMSNorm, unembedding and
    /// ``crossEntropySum(targets:probabilities:ignoring:file:line:)``, with `self` as hidden states [..., D] of N rows.
    ///
    /// The gradients of `norm` and `unembedding`, times `scale`, are added to these tensors' own ``gradient``. Nothing is
    /// recorded: give the returned gradient to the hidden states' ``backward(gradient:file:line:)``. On the CPU in float32
    /// the work between the products is done by our own kernels.
    ///
    /// What the arguments are:
    /// - `norm`: the RMSNorm's weight [D].
    /// - `unembedding`: [V, D].
    /// - `targets`: int64 [N, k]; rows whose first target is `ignored` count nothing.
    /// - `probabilities`: [N, k]; all 1 if nil.
    /// - `rows`: the ascending indices [M] of the rows that count, int64, so that the others cost nothing; if nil, all are
    ///   computed (on the CPU in float32 they are found and left out).
    /// - `scale`: what the loss is multiplied by before its gradient is taken.
    /// - `logitsBytes`: the most logits that exist at once.
    /// - Returns: the loss, a sum that `scale` does not touch, as a float64 scalar on the device; and the gradient of the
    ///   hidden states, of their shape. Nothing waits for the device.
    /// - Throws: ``TorchError/outOfMemory(_:)``. Traps if a target is outside the vocabulary.
    public func fusedCrossEntropy(
        norm: Tensor, epsilon: Double, unembedding: Tensor, targets: Tensor, probabilities: Tensor? = nil,
        rows: Tensor? = nil, ignoring ignored: Int64 = -100, scale: Double, logitsBytes: Int,
        file: StaticString = #fileID, line: UInt = #line
    ) throws(TorchError) -> (loss: Tensor, gradient: Tensor) {
        var (loss, gradient): (ct_tensor?, ct_tensor?)
        let optional = [probabilities, rows].compactMap(\.self)
        // `withHandles` keeps all of them alive during the call.
        let status = withHandles([self, norm, unembedding, targets] + optional) { list, count in
            ct_fused_cross_entropy(
                list?[0], list?[1], epsilon, list?[2], list?[3], probabilities == nil ? nil : list?[4],
                rows == nil ? nil : list?[Int(count) - 1], ignored, scale, Int64(logitsBytes), &loss, &gradient)
        }
        try throwing(status, file, line)
        return (try throwing(loss, file, line), try throwing(gradient, file, line))
    }

    /// The rows of the chunks in which ``fusedCrossEntropy(norm:epsilon:unembedding:targets:probabilities:rows:ignoring:scale:logitsBytes:file:line:)``
    /// takes `rows` float32 rows.
    public static func fusedCrossEntropyChunk(rows: Int, vocabulary: Int, logitsBytes: Int) -> Int {
        Int(ct_fused_cross_entropy_chunk(Int64(rows), Int64(vocabulary), 4, Int64(logitsBytes)))
    }
}
