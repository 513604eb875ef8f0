internal import CTorch

// Fused operators with their own gradients: our kernels for float32 on the CPU, ATen's elsewhere. Each keeps for backward
// only what one sweep over memory cannot compute again. A tensor without rows traps.

extension Tensor {
    /// x / √(mean(x²) + ε) · weight over the last axis (Zhang and Sennrich, arXiv 1910.07467). Kept: x and 1/rms.
    public func rmsNorm(
        _ weight: Tensor, epsilon: Double, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        binary(weight, file, line) { ct_rms_norm($0, $1, epsilon) }
    }

    /// The RMSNorm of `self` [..., D] times the transpose of each weight [out, D]: [..., out] each.
    ///
    /// The same as ``rmsNorm(_:epsilon:file:line:)`` and ``linear(_:bias:file:line:)``, but the normed rows are not kept.
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

    /// x + (silu(y · gateᵀ) ∘ y · upᵀ) · downᵀ with y the RMSNorm of x: a block's feed-forward half (Shazeer, arXiv
    /// 2002.05202).
    ///
    /// Kept: x, 1/rms, and the two products [..., F], whose memory the backward pass uses again for their gradients.
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
    /// The same as the norm's ``rmsNorm(_:epsilon:linear:file:line:)``, ``rotated(cosine:sine:file:line:)``,
    /// ``attention(query:key:value:mask:causal:file:line:)`` and ``addingLinear(_:_:file:line:)`` one after another, but on the
    /// CPU in float32 queries, keys and values come from one product (weights that lie one below the other in memory are not
    /// copied for it), turn in place, and x's gradient is summed where it is made. Causal without a mask.
    ///
    /// What the arguments are:
    /// - `query`, `key`, `value`, `output`: [H·d, D], [K·d, D], [K·d, D], [D, H·d], in heads of `headDimension`.
    /// - `rotary`: the tables [T, d/2] of cosines and sines.
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

    /// `self` + input · weightᵀ, in one product.
    public func addingLinear(
        _ input: Tensor, _ weight: Tensor, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        checked(call { r in input.call { x in weight.call { w in ct_add_linear(r, x, w) } } }, file, line)
    }

    /// Rotary embedding of [B, T, H, d] in Hugging Face's form: each pair (x[j], x[j + d/2]) of position t turns by the
    /// angle whose cosine and sine stand in row t, column j of the tables [T, d/2] (RoFormer, arXiv 2104.09864).
    public func rotated(
        cosine: Tensor, sine: Tensor, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        checked(call { x in cosine.call { c in sine.call { s in ct_rotate(x, c, s) } } }, file, line)
    }

    /// Scaled dot-product attention of queries [B, T, H, d] over keys and values [B, S, K, d]: [B, T, H, d]. K divides H.
    ///
    /// What the arguments are:
    /// - `mask`: bool, broadcast to [B, H, T, S], true where a query may look; not together with `causal`.
    /// - `causal`: position t looks at positions 0...t.
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

/// Σ x² of each tensor: float64 [count] on their device, the same whatever the number of threads. Nothing waits for a GPU.
public func sumsOfSquares(of tensors: [Tensor], file: StaticString = #fileID, line: UInt = #line) -> Tensor {
    checked(withHandles(tensors) { ct_sums_of_squares($0, $1) }, file, line)
}

/// One step of AdamW (Loshchilov and Hutter, arXiv 1711.05101) on each parameter, in one sweep over all of them.
///
/// What the arguments are:
/// - `gradients`: what is left in them is not defined.
/// - `first`, `second`: the running means of the gradients and of their squares, updated in place.
/// - `decays`: the decoupled decay of each parameter.
/// - `step`: the number of this step, from 1, for the correction of the means' bias.
/// - `norm`: the norm of all gradients, a scalar on the parameters' device or the CPU. Gradients are scaled to a norm of at
///   most `clip` (0: no limit); if it is not finite, nothing is changed. Nil: gradients count as they are.
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
