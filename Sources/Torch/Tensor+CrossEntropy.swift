internal import CTorch

extension Tensor {
    /// Σ over rows of −log softmax(logits)[target], for logits [N, V] and int64 targets [N]; rows whose target is
    /// `ignored` contribute 0. A sum, not a mean: the caller divides by the number of targets in the global batch.
    public func crossEntropySum(
        targets: Tensor, ignoring ignored: Int64 = -100, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        binary(targets, file, line) { ct_cross_entropy_sum($0, $1, ignored) }
    }

    /// −Σ over rows and j of probability_j · log softmax(logits)[target_j], for logits [N, V], int64 targets [N, k] and
    /// probabilities [N, k]; rows whose first target is `ignored` contribute 0.
    public func crossEntropySum(
        targets: Tensor, probabilities: Tensor, ignoring ignored: Int64 = -100, file: StaticString = #fileID,
        line: UInt = #line
    ) -> Tensor {
        checked(
            call { x in targets.call { t in probabilities.call { ct_soft_cross_entropy_sum(x, t, $0, ignored) } } },
            file, line)
    }

    /// The output stage of a prediction head fused with its gradient over chunks of rows: RMSNorm, unembedding and
    /// ``crossEntropySum(targets:probabilities:ignoring:file:line:)``, with `self` as hidden states [..., D] of N rows.
    ///
    /// The gradients of `norm` and `unembedding`, times `scale`, are accumulated in these tensors' ``gradient``. Nothing is
    /// recorded by autograd: pass the returned gradient to the hidden states' ``backward(gradient:file:line:)``. For float32 on
    /// the CPU, the built-in kernels do the work between the GEMMs.
    ///
    /// - Parameters:
    ///   - norm: the RMSNorm's weight [D].
    ///   - epsilon: the RMSNorm's ε.
    ///   - unembedding: [V, D].
    ///   - targets: int64 [N, k]; rows whose first target is `ignored` contribute 0.
    ///   - probabilities: [N, k]; all 1 if nil.
    ///   - rows: the ascending int64 indices [M] of the rows that contribute, so that no time is spent on the others. If nil, all
    ///     rows are computed, except for float32 on the CPU, where ignored rows are skipped.
    ///   - ignored: the target of rows to ignore.
    ///   - scale: the factor applied to the loss before its gradient is taken.
    ///   - logitsBytes: the maximum size of the logits held at once.
    ///   - file: the caller's file, for traps.
    ///   - line: the caller's line, for traps.
    /// - Returns: the loss as a sum, not multiplied by `scale`, a float64 scalar on the device; and the gradient of the hidden
    ///   states, of their shape. Does not synchronise with the device.
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

    /// The number of rows per chunk with which
    /// ``fusedCrossEntropy(norm:epsilon:unembedding:targets:probabilities:rows:ignoring:scale:logitsBytes:file:line:)`` processes
    /// `rows` float32 rows.
    public static func fusedCrossEntropyChunk(rows: Int, vocabulary: Int, logitsBytes: Int) -> Int {
        Int(ct_fused_cross_entropy_chunk(Int64(rows), Int64(vocabulary), 4, Int64(logitsBytes)))
    }
}
