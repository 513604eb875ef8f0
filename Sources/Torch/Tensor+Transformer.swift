internal import CTorch

extension Tensor {
    /// Matrix product of the last two axes; leading axes broadcast.
    public func matrixProduct(_ other: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        binary(other, file, line, ct_matmul)
    }

    /// `self` [..., in] times the transpose of `weight` [out, in], plus `bias` [out]: [..., out].
    public func linear(
        _ weight: Tensor, bias: Tensor? = nil, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        if let bias {
            return checked(
                call { x in weight.call { w in bias.call { b in ct_linear(x, w, b) } } }, file, line)
        }
        return binary(weight, file, line) { ct_linear($0, $1, nil) }
    }

    /// Rows of this table [V, D] by int64 index [...]: [..., D].
    public func rows(at indices: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        binary(indices, file, line, ct_embedding)
    }

    /// x / √(mean(x²) + ε) · weight over the last axis (Zhang and Sennrich, arXiv 1910.07467).
    public func rmsNorm(
        _ weight: Tensor, epsilon: Double, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        binary(weight, file, line) { ct_rms_norm($0, $1, epsilon) }
    }

    /// Scaled dot-product attention of queries [B, H, T, d] over keys and values [B, K, S, d]: [B, H, T, d].
    ///
    /// `mask` is bool, broadcast to [B, H, T, S], true where a query may look, and not together with `causal`, by which
    /// position t looks at positions 0...t.
    public static func attention(
        query: Tensor, key: Tensor, value: Tensor, mask: Tensor? = nil, causal: Bool, file: StaticString = #fileID,
        line: UInt = #line
    ) -> Tensor {
        let grouped = query.shape[1] != key.shape[1]
        return checked(
            query.call { q in
                key.call { k in
                    value.call { v in
                        if let mask {
                            mask.call { ct_attention(q, k, v, $0, causal, grouped) }
                        } else {
                            ct_attention(q, k, v, nil, causal, grouped)
                        }
                    }
                }
            }, file, line)
    }

    /// Σ over rows of −log softmax(logits)[target], for logits [N, V] and int64 targets [N]; rows whose target is
    /// `ignored` count nothing. A sum and not a mean: the caller divides by the count over the whole global batch.
    public func crossEntropySum(
        targets: Tensor, ignoring ignored: Int64 = -100, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        binary(targets, file, line) { ct_cross_entropy_sum($0, $1, ignored) }
    }
}

// In place, and never recorded: for optimizer state, weights and gradients.
extension Tensor {
    /// Overwrites the elements with another tensor's, converted to this type and device.
    public func assign(_ other: Tensor, file: StaticString = #fileID, line: UInt = #line) {
        check(call { to in other.call { ct_copy_(to, $0) } }, file, line)
    }

    /// Overwrites the elements with zeros.
    public func zero(file: StaticString = #fileID, line: UInt = #line) {
        check(call { ct_zero_($0) }, file, line)
    }

    /// Multiplies every element by a number.
    public func scale(by factor: Double, file: StaticString = #fileID, line: UInt = #line) {
        check(call { ct_mul_scalar_($0, factor) }, file, line)
    }

    /// Adds `factor` times another tensor.
    public func add(
        _ other: Tensor, times factor: Double = 1, file: StaticString = #fileID, line: UInt = #line
    ) {
        check(call { to in other.call { ct_add_(to, $0, factor) } }, file, line)
    }
}

/// √(Σ x²) over all elements of all tensors.
public func globalNorm(of tensors: [Tensor], file: StaticString = #fileID, line: UInt = #line) -> Double {
    var norm = 0.0
    check(withHandles(tensors) { ct_global_norm($0, $1, &norm) }, file, line)
    return norm
}

/// One step of AdamW (Loshchilov and Hutter, arXiv 1711.05101) on each parameter, by LibTorch's fused kernel.
///
/// `first` and `second` are the running means of the gradients and of their squares, updated in place; `step` counts from 1,
/// for the correction of the means' bias.
public func adamWStep(
    parameters: [Tensor], gradients: [Tensor], first: [Tensor], second: [Tensor], step: Int, rate: Double,
    betas: (Double, Double), epsilon: Double, decay: Double, file: StaticString = #fileID, line: UInt = #line
) {
    let status = withHandles(parameters) { p, count in
        withHandles(gradients) { g, _ in
            withHandles(first) { m, _ in
                withHandles(second) { v, _ in
                    ct_adamw_(p, g, m, v, count, Int64(step), rate, betas.0, betas.1, epsilon, decay)
                }
            }
        }
    }
    check(status, file, line)
}
