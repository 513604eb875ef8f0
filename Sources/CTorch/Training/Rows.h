// The building blocks of the fused operators on tensors, without autograd: CKernels for contiguous float32 on the CPU, ATen
// otherwise (float64 in tests, CUDA).
#pragma once

#include <ATen/core/Tensor.h>

namespace ct::training {

// Reshapes [..., width] to [rows, width]; copies only if x is not contiguous.
at::Tensor rows(const at::Tensor &x);

struct Normalized {
    at::Tensor y;        // [rows, width]
    at::Tensor inverse;  // 1/rms [rows, 1], float32 or wider
};
Normalized norm(const at::Tensor &x, const at::Tensor &weight, double eps);
// Recomputes y from x and 1/rms.
at::Tensor recompute_norm(const at::Tensor &x, const at::Tensor &inverse, const at::Tensor &weight, double eps);

struct NormGradient {
    at::Tensor x;       // [rows, width], `residual` added if it is defined
    at::Tensor weight;  // [width]
};
// May overwrite dy if `consume`.
NormGradient norm_backward(
    const at::Tensor &x, const at::Tensor &inverse, const at::Tensor &weight, const at::Tensor &dy,
    const at::Tensor &residual, bool consume);

// silu(gate) ∘ up [rows, width] of both [rows, 2 · width], in which the gate comes first.
at::Tensor swiglu(const at::Tensor &both);

struct SwiGLUGradient {
    at::Tensor both, y;  // the gradient of `both`, and the recomputed y
};
// Overwrites dy and, if `consume`, `both`.
SwiGLUGradient swiglu_backward(const at::Tensor &both, at::Tensor dy, bool consume);

// Rotary position embedding of x [B, T, heads, dim] with tables [T, dim / 2]; sign -1 is the inverse.
at::Tensor rope(const at::Tensor &x, const at::Tensor &cosine, const at::Tensor &sine, double sign);
// In place, for float32 on the CPU; positions may be strided.
void rope_(const at::Tensor &x, const at::Tensor &cosine, const at::Tensor &sine, double sign);

// Whether the built-in attention supports these sizes: a head dimension that is a multiple of 16, sequences whose scores fit the
// CPU cache, and work for every thread.
bool supports_attention(int64_t batch, int64_t time, int64_t kv_heads, int64_t dim);
bool is_cpu_float(at::TensorList tensors);

struct AttentionResult {
    at::Tensor out;  // [B, T, H, d]
    at::Tensor lse;  // log-sum-exp of scores [B, H, T]
};
// q [B, T, H, d], k and v [B, T, K, d], whose positions may be strided; mask [B, 1, T, T] bool, or undefined.
AttentionResult attention(
    const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &mask, bool causal);

struct AttentionGradient {
    at::Tensor q, k, v;
};
// Writes the gradients to tensors with the strides of q, k and v.
void attention_backward(
    const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &mask, bool causal,
    const AttentionResult &result, const at::Tensor &dout, const AttentionGradient &d);

}  // namespace ct::training
