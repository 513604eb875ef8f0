#include "Rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_fused_rms_norm.h>
#include <ATen/ops/_fused_rms_norm_backward.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/silu_backward.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "../internal.h"
#include "ck_training.h"

namespace ct::training {

namespace {

template <typename... Tensors>
bool is_float_rows(const Tensors &...tensors) {
    return ((tensors.is_cpu() && tensors.scalar_type() == at::kFloat && tensors.is_contiguous()) && ...);
}

const float *in(const at::Tensor &t) { return ct::elements<float>(t); }
float *out(const at::Tensor &t) { return t.mutable_data_ptr<float>(); }

// On GPUs ATen has a fused RMSNorm that makes one pass over memory; the composition below makes eight.
bool has_fused_norm(const at::Tensor &x, const at::Tensor &weight) {
    return x.is_cuda() && x.scalar_type() == weight.scalar_type();
}

}  // namespace

at::Tensor rows(const at::Tensor &x) {
    TORCH_CHECK(x.dim() >= 1 && x.numel() > 0, "expected at least one row, found a tensor of shape ", x.sizes());
    return x.reshape({-1, x.size(-1)}).contiguous();
}

Normalized norm(const at::Tensor &x, const at::Tensor &weight, double eps) {
    const int64_t count = x.size(0), width = x.size(1);
    TORCH_CHECK(
        weight.dim() == 1 && weight.size(0) == width, "RMSNorm: weight of shape ", weight.sizes(), " for x of shape ",
        x.sizes());
    if (has_fused_norm(x, weight)) {
        const auto [y, inverse] = at::_fused_rms_norm(x, {width}, weight, eps);
        return {y, inverse};
    }
    if (!is_float_rows(x, weight)) {
        const auto wide = x.to(at::promoteTypes(x.scalar_type(), at::kFloat));
        const auto inverse = at::rsqrt(wide.square().mean(1, /*keepdim=*/true) + eps);
        return {(wide * inverse).to(x.scalar_type()) * weight, inverse};
    }
    const auto y = at::empty_like(x), inverse = at::empty({count, 1}, x.options());
    ck_rms_norm_forward(in(x), count, width, in(weight), static_cast<float>(eps), out(y), out(inverse));
    return {y, inverse};
}

at::Tensor recompute_norm(const at::Tensor &x, const at::Tensor &inverse, const at::Tensor &weight, double eps) {
    if (has_fused_norm(x, weight)) return std::get<0>(at::_fused_rms_norm(x, {x.size(1)}, weight, eps));
    if (!is_float_rows(x, inverse, weight)) return (x * inverse).to(x.scalar_type()) * weight;
    const auto y = at::empty_like(x);
    ck_rms_norm_recompute(in(x), in(inverse), x.size(0), x.size(1), in(weight), out(y));
    return y;
}

NormGradient norm_backward(
    const at::Tensor &x, const at::Tensor &inverse, const at::Tensor &weight, const at::Tensor &dy,
    const at::Tensor &residual, bool consume
) {
    const int64_t count = x.size(0), width = x.size(1);
    if (has_fused_norm(x, weight)) {
        auto [dx, dweight] = at::_fused_rms_norm_backward(dy, x, {width}, inverse, weight, {true, true});
        if (residual.defined()) dx = dx + residual;
        return {dx, dweight};
    }
    if (!is_float_rows(x, inverse, weight, dy) || (residual.defined() && !is_float_rows(residual))) {
        const auto wide = x * inverse;  // in the type of `inverse`
        const auto along = dy * weight;
        auto dx = inverse * (along - wide * (along * wide).mean(1, /*keepdim=*/true));
        if (residual.defined()) dx = dx + residual;
        return {dx.to(x.scalar_type()), (dy * wide).sum(0).to(weight.scalar_type())};
    }
    const auto dx = consume ? dy : at::empty_like(x);
    const auto partial = at::zeros({ck_rms_norm_blocks(count), width}, x.options());
    ck_rms_norm_backward(
        in(x), in(inverse), count, width, in(weight), in(dy), residual.defined() ? in(residual) : nullptr, out(dx),
        out(partial));
    return {dx, partial.sum(0)};
}

at::Tensor swiglu(const at::Tensor &both) {
    const int64_t count = both.size(0), width = both.size(1) / 2;
    if (!is_float_rows(both)) return at::silu(both.narrow(1, 0, width)) * both.narrow(1, width, width);
    const auto y = at::empty({count, width}, both.options());
    ck_swiglu_forward(in(both), count, width, out(y));
    return y;
}

SwiGLUGradient swiglu_backward(const at::Tensor &both, at::Tensor dy, bool consume) {
    const int64_t count = both.size(0), width = both.size(1) / 2;
    if (!is_float_rows(both, dy)) {
        const auto gate = both.narrow(1, 0, width), up = both.narrow(1, width, width);
        const auto silu = at::silu(gate), dboth = at::empty_like(both);
        auto dgate = dboth.narrow(1, 0, width), dup = dboth.narrow(1, width, width);
        at::silu_backward_out(dgate, dy * up, gate);
        at::mul_out(dup, dy, silu);
        return {dboth, silu * up};
    }
    const auto dboth = consume ? both : at::empty_like(both);
    ck_swiglu_backward(in(both), in(dy), count, width, out(dboth), out(dy));
    return {dboth, dy};
}

at::Tensor rope(const at::Tensor &x, const at::Tensor &cosine, const at::Tensor &sine, double sign) {
    const int64_t dim = x.size(3), positions = x.size(1);
    TORCH_CHECK(
        dim % 2 == 0 && cosine.dim() == 2 && cosine.size(0) == positions && cosine.size(1) == dim / 2 &&
            sine.sizes() == cosine.sizes(),
        "rope: x of shape ", x.sizes(), " needs tables [", positions, ", ", dim / 2, "], found ", cosine.sizes());
    if (!is_float_rows(x, cosine, sine)) {
        const auto c = cosine.unsqueeze(1), s = sine.unsqueeze(1) * sign;
        const auto a = x.narrow(3, 0, dim / 2), b = x.narrow(3, dim / 2, dim / 2);
        // The tables may have a wider type than x.
        auto y = at::empty(x.sizes(), x.options().dtype(at::promoteTypes(x.scalar_type(), cosine.scalar_type())));
        auto first = y.narrow(3, 0, dim / 2), second = y.narrow(3, dim / 2, dim / 2);
        at::addcmul_out(first, a * c, b, s, -1);
        at::addcmul_out(second, b * c, a, s, 1);
        return y.to(x.scalar_type());
    }
    const auto y = x.clone();
    rope_(y, cosine, sine, sign);
    return y;
}

void rope_(const at::Tensor &x, const at::Tensor &cosine, const at::Tensor &sine, double sign) {
    ck_rope(
        out(x), x.stride(1), x.size(0) * x.size(1), x.size(2), x.size(3), x.size(1), in(cosine), in(sine),
        static_cast<float>(sign));
}

bool supports_attention(int64_t batch, int64_t time, int64_t kv_heads, int64_t dim) {
    return dim % 16 == 0 && time <= 4096 && batch * kv_heads >= ck_threads();
}

bool is_cpu_float(at::TensorList tensors) {
    return std::all_of(tensors.begin(), tensors.end(), [](const auto &t) {
        return t.is_cpu() && t.scalar_type() == at::kFloat;
    });
}

namespace {

ck_attention arguments(
    const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &mask, bool causal,
    const AttentionResult &result
) {
    ck_attention a = {};
    a.batch = q.size(0), a.time = q.size(1), a.attention_heads = q.size(2), a.kv_heads = k.size(2), a.head_dim = q.size(3);
    a.q_stride = q.stride(1), a.k_stride = k.stride(1);
    a.q = in(q), a.k = in(k), a.v = in(v), a.out = out(result.out), a.lse = out(result.lse);
    a.mask = mask.defined() ? ct::elements<bool>(mask) : nullptr;
    a.causal = causal;
    a.scale = 1 / std::sqrt(static_cast<float>(a.head_dim));
    return a;
}

void run(const ck_attention &a, void (*kernel)(const ck_attention *, int32_t, float *)) {
    const int32_t threads = ck_attention_threads(&a);
    const auto scratch = at::empty({ck_attention_scratch(&a, threads)}, at::kFloat);
    kernel(&a, threads, out(scratch));
}

}  // namespace

AttentionResult attention(
    const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &mask, bool causal
) {
    const AttentionResult result = {
        at::empty(q.sizes(), q.options()), at::empty({q.size(0), q.size(2), q.size(1)}, q.options())};
    run(arguments(q, k, v, mask, causal, result), ck_attention_forward);
    return result;
}

void attention_backward(
    const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &mask, bool causal,
    const AttentionResult &result, const at::Tensor &dout, const AttentionGradient &d
) {
    auto a = arguments(q, k, v, mask, causal, result);
    a.dout = in(dout), a.dq = out(d.q), a.dk = out(d.k), a.dv = out(d.v);
    run(a, ck_attention_backward);
}

}  // namespace ct::training
