// Fused operators of a training step, with their gradients: the built-in kernels for float32 on the CPU, ATen otherwise. Each
// saves for its backward pass only what cannot be recomputed in one pass over memory.
#ifndef CT_TRAINING_H
#define CT_TRAINING_H

#include "ct_tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

// y [..., D] = x / √(mean(x²) + eps) · weight. Saves x and 1/rms.
ct_tensor ct_rms_norm(ct_tensor x, ct_tensor weight, double eps);

// out[i] [..., out_i] = norm(x) · weights[i]ᵀ. Saves x and 1/rms; the normalised rows are recomputed.
int32_t ct_norm_linears(
    ct_tensor x, ct_tensor norm, double eps, const ct_tensor *weights, int32_t count, ct_tensor *out);

// SwiGLU: x [..., D] + (silu(norm(x) · gateᵀ) ∘ norm(x) · upᵀ) · downᵀ. Saves x, 1/rms and the two projections [..., F].
ct_tensor ct_add_swiglu(ct_tensor x, ct_tensor norm, double eps, ct_tensor gate, ct_tensor up, ct_tensor down);

// residual + input · weightᵀ.
ct_tensor ct_add_linear(ct_tensor residual, ct_tensor input, ct_tensor weight);

// Rotary position embedding of x [B, T, H, d]: rotates each pair (x[j], x[j + d/2]) by angle j of its position; tables
// [T, d/2].
ct_tensor ct_rope(ct_tensor x, ct_tensor cosine, ct_tensor sine);

// Scaled dot-product attention of queries [B, T, H, d] over keys and values [B, S, K, d]: [B, T, H, d]. The mask is bool,
// broadcast to [B, H, T, S]; not together with `causal`.
ct_tensor ct_attention(ct_tensor query, ct_tensor key, ct_tensor value, ct_tensor mask_or_null, bool causal);

// x [B, T, D] + attention(norm(x)) · outputᵀ in heads of `dim`: query [H · dim, D], key and value [K · dim, D], output
// [D, H · dim], tables [T, dim / 2]. Causal without a mask. For float32 on the CPU a single node, which saves x, 1/rms, queries
// and keys after rope, values, attention's output and log-sum-exp.
ct_tensor ct_add_attention(
    ct_tensor x, ct_tensor norm, double eps, ct_tensor query, ct_tensor key, ct_tensor value, ct_tensor output, int64_t dim,
    ct_tensor cosine, ct_tensor sine, ct_tensor mask_or_null);

// a · b for vectors, matrices or batches of matrices, as at::matmul.
ct_tensor ct_matmul(ct_tensor a, ct_tensor b);
// input [..., in] · weightᵀ + bias, weight [out, in].
ct_tensor ct_linear(ct_tensor input, ct_tensor weight, ct_tensor bias_or_null);

// Selects the built-in GEMM (1) or LibTorch's (0) for float32 on the CPU; -1, the default, chooses by the processor.
void ct_set_builtin_gemm(int32_t builtin);

// MARK: optimizer
// Σ x² of each tensor: float64 [count] on their device. The summation order depends on the tensor's size only.
ct_tensor ct_sums_of_squares(const ct_tensor *list, int32_t count);
// A fused AdamW step on all parameters, each with its own decoupled weight decay; `steps` includes this one. `norm_or_null` is the
// norm of all gradients, a scalar: gradients are clipped to `clip` (0: no limit), and if it is not finite, nothing is updated.
int32_t ct_adamw_(
    const ct_tensor *parameters, const ct_tensor *gradients, const ct_tensor *first, const ct_tensor *second,
    const double *decays, int32_t count, int64_t steps, ct_tensor norm_or_null, double clip, double rate, double beta1,
    double beta2, double epsilon);

#ifdef __cplusplus
}
#endif
#endif
