internal import CTorch

// Fused operators with their own gradients: the built-in kernels for float32 on the CPU, ATen's operators otherwise. Each saves
// for the backward pass only what cannot be recomputed in one pass over memory. Empty tensors trap.

extension Tensor {
    /// x / √(mean(x²) + ε) · weight over the last axis (Zhang and Sennrich, arXiv 1910.07467). Saves x and 1/rms.
    public func rmsNorm(
        _ weight: Tensor, epsilon: Double, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        binary(weight, file, line) { ct_rms_norm($0, $1, epsilon) }
    }

    /// The RMSNorm of `self` [..., D] times the transpose of each weight [out, D]: [..., out] each.
    ///
    /// Equal to ``rmsNorm(_:epsilon:file:line:)`` followed by ``linear(_:bias:file:line:)``, but does not save the normalised
    /// rows.
    public func rmsNorm(
        _ norm: Tensor, epsilon: Double, linear weights: [Tensor], file: StaticString = #fileID, line: UInt = #line
    ) -> [Tensor] {
        var results = [ct_tensor?](repeating: nil, count: weights.count)
        let status = call { x in
            norm.call { n in withHandles(weights) { ct_norm_linears(x, n, epsilon, $0, $1, &results) } }
        }
        check(status, file, line)
        return results.map { checked($0, file, line) }
    }

    /// x + (silu(y · gateᵀ) ∘ y · upᵀ) · downᵀ with y the RMSNorm of x: a block's feed-forward half (SwiGLU: Shazeer, arXiv
    /// 2002.05202).
    ///
    /// Saves x, 1/rms and the gate and up projections [..., F], whose memory the backward pass reuses for their gradients.
    public func addingSwiGLU(
        norm: Tensor, epsilon: Double, gate: Tensor, up: Tensor, down: Tensor, file: StaticString = #fileID,
        line: UInt = #line
    ) -> Tensor {
        checked(
            call { x in
                norm.call { n in
                    gate.call { g in up.call { u in down.call { d in ct_add_swiglu(x, n, epsilon, g, u, d) } } }
                }
            }, file, line)
    }

    /// x + attention(y · queryᵀ, y · keyᵀ, y · valueᵀ) · outputᵀ with y the RMSNorm of x [B, T, D]: a block's attention half.
    ///
    /// Equal to ``rmsNorm(_:epsilon:linear:file:line:)``, ``rope(cosine:sine:file:line:)``,
    /// ``attention(query:key:value:mask:causal:file:line:)`` and ``addingLinear(_:_:file:line:)`` in sequence. For float32 on the
    /// CPU it is one fused node: one GEMM computes queries, keys and values (weights that are adjacent in memory are not copied
    /// for it), rope is applied in place, and the gradient of x is accumulated in place.
    ///
    /// - Parameters:
    ///   - norm: the RMSNorm's weight [D].
    ///   - epsilon: the RMSNorm's ε.
    ///   - query: [H·d, D].
    ///   - key: [K·d, D].
    ///   - value: [K·d, D].
    ///   - output: [D, H·d].
    ///   - headDimension: d.
    ///   - rotary: the tables of cosines and sines, [T, d/2] each.
    ///   - mask: bool, broadcast to [B, H, T, T]; causal attention if nil.
    ///   - file: the caller's file, for traps.
    ///   - line: the caller's line, for traps.
    public func addingAttention(
        norm: Tensor, epsilon: Double, query: Tensor, key: Tensor, value: Tensor, output: Tensor, headDimension: Int,
        rotary: (cosine: Tensor, sine: Tensor), mask: Tensor? = nil, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        let result = withHandles(
            [self, norm, query, key, value, output, rotary.cosine, rotary.sine] + (mask.map { [$0] } ?? [])
        ) {
            list, count in
            list.flatMap { t in
                ct_add_attention(
                    t[0], t[1], epsilon, t[2], t[3], t[4], t[5], Int64(headDimension), t[6], t[7],
                    count > 8 ? t[8] : nil)
            }
        }
        return checked(result, file, line)
    }

    /// `self` + input · weightᵀ in one GEMM.
    public func addingLinear(
        _ input: Tensor, _ weight: Tensor, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        checked(call { r in input.call { x in weight.call { w in ct_add_linear(r, x, w) } } }, file, line)
    }

    /// Rotary position embedding of [B, T, H, d] in Hugging Face's layout: rotates each pair (x[j], x[j + d/2]) of position t by
    /// the angle whose cosine and sine are in row t, column j of the tables [T, d/2] (RoFormer, arXiv 2104.09864).
    public func rope(
        cosine: Tensor, sine: Tensor, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        checked(call { x in cosine.call { c in sine.call { s in ct_rope(x, c, s) } } }, file, line)
    }

    /// Scaled dot-product attention of queries [B, T, H, d] over keys and values [B, S, K, d]: [B, T, H, d]. K divides H.
    ///
    /// - Parameters:
    ///   - query: [B, T, H, d].
    ///   - key: [B, S, K, d].
    ///   - value: [B, S, K, d].
    ///   - mask: bool, broadcast to [B, H, T, S], true where a query attends; not together with `causal`.
    ///   - causal: position t attends to positions 0...t.
    ///   - file: the caller's file, for traps.
    ///   - line: the caller's line, for traps.
    public static func attention(
        query: Tensor, key: Tensor, value: Tensor, mask: Tensor? = nil, causal: Bool, file: StaticString = #fileID,
        line: UInt = #line
    ) -> Tensor {
        func attend(_ mask: ct_tensor?) -> ct_tensor? {
            query.call { q in key.call { k in value.call { v in ct_attention(q, k, v, mask, causal) } } }
        }
        if let mask { return checked(mask.call(attend), file, line) }
        return checked(attend(nil), file, line)
    }
}

/// Σ x² of each tensor: float64 [count] on their device, independent of the number of threads. Does not synchronise with a GPU.
public func sumsOfSquares(of tensors: [Tensor], file: StaticString = #fileID, line: UInt = #line) -> Tensor {
    checked(withHandles(tensors) { ct_sums_of_squares($0, $1) }, file, line)
}

/// A fused AdamW step (Loshchilov and Hutter, arXiv 1711.05101) on all parameters.
///
/// - Parameters:
///   - parameters: updated in place.
///   - gradients: their contents are undefined afterwards.
///   - first: the running means of the gradients, updated in place.
///   - second: the running means of the squared gradients, updated in place.
///   - decays: the decoupled weight decay of each parameter.
///   - step: the number of this step, from 1, for bias correction.
///   - norm: the norm of all gradients, a scalar on the parameters' device or the CPU. Gradients are clipped to a norm of `clip`;
///     if the norm is not finite, nothing is updated. Nil: no clipping and no check.
///   - clip: the maximum gradient norm; 0 for no limit.
///   - rate: the learning rate.
///   - betas: β₁ and β₂.
///   - epsilon: ε.
///   - file: the caller's file, for traps.
///   - line: the caller's line, for traps.
public func adamWStep(
    parameters: [Tensor], gradients: [Tensor], first: [Tensor], second: [Tensor], decays: [Double], step: Int,
    norm: Tensor? = nil, clip: Double = 0, rate: Double, betas: (Double, Double), epsilon: Double,
    file: StaticString = #fileID, line: UInt = #line
) {
    let status = withHandles(parameters) { p, count in
        withHandles(gradients) { g, _ in
            withHandles(first) { m, _ in
                withHandles(second) { v, _ in
                    func run(_ norm: ct_tensor?) -> Int32 {
                        ct_adamw_(p, g, m, v, decays, count, Int64(step), norm, clip, rate, betas.0, betas.1, epsilon)
                    }
                    return norm.map { $0.call(run) } ?? run(nil)
                }
            }
        }
    }
    check(status, file, line)
}
