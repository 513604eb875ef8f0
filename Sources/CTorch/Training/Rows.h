// What the fused operators are made of, on tensors: CKernels for contiguous float32 on the CPU, ATen for everything else
// (float64 in tests, CUDA). No autograd in here.
#pragma once

#include <ATen/core/Tensor.h>

namespace ct::training {

// [rows, width] of [..., width]; a copy only if the rows are not contiguous.
at::Tensor rows(const at::Tensor &x);

struct Normed {
    at::Tensor y;        // [rows, width]
    at::Tensor inverse;  // [rows, 1], in float32 at least
};
Normed norm(const at::Tensor &x, const at::Tensor &weight, double eps);
// y once more.
at::Tensor norm_again(const at::Tensor &x, const at::Tensor &inverse, const at::Tensor &weight, double eps);

struct NormGradient {
    at::Tensor x;       // [rows, width], `residual` added if it is defined
    at::Tensor weight;  // [width]
};
// May overwrite dy if `consume`.
NormGradient norm_backward(
    const at::Tensor &x, const at::Tensor &inverse, const at::Tensor &weight, const at::Tensor &dy,
    const at::Tensor &residual, bool consume);

// silu(gate) ∘ up [rows, width] of both [rows, 2 · width], gate before up.
at::Tensor swiglu(const at::Tensor &both);

struct SwiGLUGradient {
    at::Tensor both, y;  // and y again
};
// Overwrites dy, and with `consume` both.
SwiGLUGradient swiglu_backward(const at::Tensor &both, at::Tensor dy, bool consume);

// x [B, T, heads, dim] rotated by the angles of each position, tables [T, dim / 2]; sign -1 rotates back.
at::Tensor rope(const at::Tensor &x, const at::Tensor &cosine, const at::Tensor &sine, double sign);
// The same in place, of float32 on the CPU whose positions may lie apart.
void rope_(const at::Tensor &x, const at::Tensor &cosine, const at::Tensor &sine, double sign);

// Whether the built-in attention serves these sizes: heads of a multiple of 16, sequences whose scores fit the cache, and work for
// every thread. And these tensors: float32 on the CPU.
bool attends(int64_t batch, int64_t time, int64_t kv_heads, int64_t dim);
bool is_cpu_float(at::TensorList tensors);

struct Attended {
    at::Tensor out;  // [B, T, H, d]
    at::Tensor lse;  // [B, H, T]
};
// q [B, T, H, d], k and v [B, T, K, d], whose positions may lie apart; mask [B, 1, T, T] bool or undefined.
Attended attention(
    const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &mask, bool causal);

struct AttentionGradient {
    at::Tensor q, k, v;
};
// Into tensors that lie as q, k and v do.
void attention_backward(
    const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &mask, bool causal,
    const Attended &result, const at::Tensor &dout, const AttentionGradient &d);

}  // namespace ct::training
