// Fused operators of a training step, with their gradients. Each keeps for its backward pass only what cannot be computed
// again from it in one sweep over memory; the kernels are ours for float32 on the CPU, ATen's elsewhere.
#ifndef CT_TRAINING_H
#define CT_TRAINING_H

#include "ct_tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

// y [..., D] = x / √(mean(x²) + eps) · weight. Kept: x and 1/rms.
ct_tensor ct_rms_norm(ct_tensor x, ct_tensor weight, double eps);

// out[i] [..., out_i] = norm(x) · weights[i]ᵀ. Kept: x and 1/rms; the normed rows are computed again.
int32_t ct_norm_linears(
    ct_tensor x, ct_tensor norm, double eps, const ct_tensor *weights, int32_t count, ct_tensor *out);

// x [..., D] + (silu(norm(x) · gateᵀ) ∘ norm(x) · upᵀ) · downᵀ. Kept: x, 1/rms and the two projections [..., F].
ct_tensor ct_add_swiglu(ct_tensor x, ct_tensor norm, double eps, ct_tensor gate, ct_tensor up, ct_tensor down);

// residual + input · weightᵀ.
ct_tensor ct_add_linear(ct_tensor residual, ct_tensor input, ct_tensor weight);

// x [B, T, H, d] with every pair (x[j], x[j + d/2]) rotated by its position's angle j; tables [T, d/2].
ct_tensor ct_rotate(ct_tensor x, ct_tensor cosine, ct_tensor sine);

// Scaled dot-product attention of queries [B, T, H, d] over keys and values [B, S, K, d]: [B, T, H, d]. The mask is bool,
// broadcast to [B, H, T, S]; not together with `causal`.
ct_tensor ct_attention(ct_tensor query, ct_tensor key, ct_tensor value, ct_tensor mask_or_null, bool causal);

// x [B, T, D] + attention(norm(x)) · outputᵀ in heads of `dim`: query [H · dim, D], key and value [K · dim, D], output
// [D, H · dim], tables [T, dim / 2]. Causal without a mask. On the CPU in float32 one node: kept are x, 1/rms, the rotated
// queries and keys, the values, attention's output and log-sums.
ct_tensor ct_add_attention(
    ct_tensor x, ct_tensor norm, double eps, ct_tensor query, ct_tensor key, ct_tensor value, ct_tensor output, int64_t dim,
    ct_tensor cosine, ct_tensor sine, ct_tensor mask_or_null);

// a · b, of vectors, matrices or stacks of matrices as at::matmul.
ct_tensor ct_matmul(ct_tensor a, ct_tensor b);
// input [..., in] · weightᵀ + bias, weight [out, in].
ct_tensor ct_linear(ct_tensor input, ct_tensor weight, ct_tensor bias_or_null);

// Whether float32 matrix multiplications on the CPU run the built-in GEMM (1) or LibTorch's (0); -1, as at first: by the
// processor.
void ct_set_builtin_gemm(int32_t builtin);

// MARK: optimizer
// Σ x² of each tensor: float64 [count] on their device. The order of a sum depends on the tensor's size only.
ct_tensor ct_sums_of_squares(const ct_tensor *list, int32_t count);
// One AdamW step on each parameter with its own decoupled decay; `steps` counts this one. With the norm of all gradients, a
// scalar, gradients are clipped to `clip` (0: not), and if it is not finite nothing is changed.
int32_t ct_adamw_(
    const ct_tensor *parameters, const ct_tensor *gradients, const ct_tensor *first, const ct_tensor *second,
    const double *decays, int32_t count, int64_t steps, ct_tensor norm_or_null, double clip, double rate, double beta1,
    double beta2, double epsilon);

#ifdef __cplusplus
}
#endif
#endif
