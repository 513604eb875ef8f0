// What the fused operators are made of, on tensors: our kernels for contiguous float32 on the CPU, ATen for everything else
// (float64 in tests, CUDA). No autograd in here.
#pragma once

#include <ATen/ATen.h>

namespace ct::training {

// [rows, width] of [..., width]; a copy only if the rows are not contiguous.
at::Tensor rows(const at::Tensor &x);

struct Normed {
    at::Tensor y;        // [rows, width]
    at::Tensor inverse;  // [rows, 1], in float32 at least
};
Normed norm(const at::Tensor &x, const at::Tensor &weight, double eps);
at::Tensor norm_again(const at::Tensor &x, const at::Tensor &inverse, const at::Tensor &weight);

struct NormGradient {
    at::Tensor x;       // [rows, width], `residual` added if it is defined
    at::Tensor weight;  // [width]
};
// May overwrite dy if `consume`.
NormGradient norm_backward(
    const at::Tensor &x, const at::Tensor &inverse, const at::Tensor &weight, const at::Tensor &dy,
    const at::Tensor &residual, bool consume);

at::Tensor gated(const at::Tensor &gate, const at::Tensor &up);

struct GatedGradient {
    at::Tensor gate, up, product;
};
// Overwrites dy, and with `consume` gate and up.
GatedGradient gated_backward(const at::Tensor &gate, const at::Tensor &up, at::Tensor dy, bool consume);

// x [B, T, heads, dim] turned by the angles of each position, tables [T, dim / 2]; sign -1 turns back.
at::Tensor rotate(const at::Tensor &x, const at::Tensor &cosine, const at::Tensor &sine, double sign);

// Whether our attention serves: float32 on the CPU, heads of a multiple of 16, sequences whose scores fit the cache, and work
// for every thread.
bool attends(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v);

struct Attended {
    at::Tensor out;  // [B, T, H, d]
    at::Tensor lse;  // [B, H, T]
};
// q [B, T, H, d], k and v [B, T, K, d]; mask [B, 1, T, T] bool or undefined.
Attended attention(
    const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &mask, bool causal);

struct AttentionGradient {
    at::Tensor q, k, v;
};
AttentionGradient attention_backward(
    const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &mask, bool causal,
    const Attended &result, const at::Tensor &dout);

}  // namespace ct::training
