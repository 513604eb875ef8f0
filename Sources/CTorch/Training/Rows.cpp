#include "Rows.h"

#include <algorithm>
#include <cmath>

#include "../internal.h"
#include "../Kernels/Isa.h"
#include "../Kernels/Parallel.h"
#include "Isa.h"

using ct::kernels::in_parallel;
using ct::kernels::on_team_of;
using ct::kernels::team_size;

namespace ct::training {

const Isa &isa() {
#if defined(__x86_64__)
    const int32_t level = kernels::isa_level();
    if (level >= 2) return avx512;
    if (level == 1) return avx2;
#endif
    return portable;
}

namespace {

template <typename... Tensors>
bool ours(const Tensors &...tensors) {
    return ((tensors.is_cpu() && tensors.scalar_type() == at::kFloat && tensors.is_contiguous()) && ...);
}

const float *in(const at::Tensor &t) { return ct::elements<float>(t); }
float *out(const at::Tensor &t) { return t.mutable_data_ptr<float>(); }

// GPUs have a kernel for RMSNorm that takes one sweep; the composition below takes eight.
bool has_fused_norm(const at::Tensor &x, const at::Tensor &weight) {
    return x.is_cuda() && x.scalar_type() == weight.scalar_type();
}

// Work of one element in multiplications, for the decision whether threads are worth it.
constexpr double kElement = 4, kExponential = 20;

}  // namespace

at::Tensor rows(const at::Tensor &x) {
    TORCH_CHECK(x.dim() >= 1 && x.numel() > 0, "expected at least one row, found a tensor of shape ", x.sizes());
    return x.reshape({-1, x.size(-1)}).contiguous();
}

Normed norm(const at::Tensor &x, const at::Tensor &weight, double eps) {
    const int64_t count = x.size(0), width = x.size(1);
    TORCH_CHECK(
        weight.dim() == 1 && weight.size(0) == width, "the norm's weight has shape ", weight.sizes(), " and x ", x.sizes());
    if (has_fused_norm(x, weight)) {
        const auto [y, inverse] = at::_fused_rms_norm(x, {width}, weight, eps);
        return {y, inverse};
    }
    if (!ours(x, weight)) {
        const auto wide = x.to(at::promoteTypes(x.scalar_type(), at::kFloat));
        const auto inverse = at::rsqrt(wide.square().mean(1, /*keepdim=*/true) + eps);
        return {(wide * inverse).to(x.scalar_type()) * weight, inverse};
    }
    const auto y = at::empty_like(x), inverse = at::empty({count, 1}, x.options());
    in_parallel(count, double(count * width) * kElement, [&](int64_t first, int64_t last) {
        isa().norm(
            in(x) + first * width, last - first, width, in(weight), static_cast<float>(eps), out(y) + first * width,
            out(inverse) + first);
    });
    return {y, inverse};
}

at::Tensor norm_again(const at::Tensor &x, const at::Tensor &inverse, const at::Tensor &weight, double eps) {
    if (has_fused_norm(x, weight)) return std::get<0>(at::_fused_rms_norm(x, {x.size(1)}, weight, eps));
    if (!ours(x, inverse, weight)) return (x * inverse).to(x.scalar_type()) * weight;
    const int64_t count = x.size(0), width = x.size(1);
    const auto y = at::empty_like(x);
    in_parallel(count, double(count * width) * kElement, [&](int64_t first, int64_t last) {
        isa().norm_again(
            in(x) + first * width, in(inverse) + first, last - first, width, in(weight), out(y) + first * width);
    });
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
    if (!ours(x, inverse, weight, dy) || (residual.defined() && !ours(residual))) {
        const auto wide = x * inverse;  // in the type of `inverse`
        const auto along = dy * weight;
        auto dx = inverse * (along - wide * (along * wide).mean(1, /*keepdim=*/true));
        if (residual.defined()) dx = dx + residual;
        return {dx.to(x.scalar_type()), (dy * wide).sum(0).to(weight.scalar_type())};
    }
    const auto dx = consume ? dy : at::empty_like(x);
    // The weight's gradient is summed in blocks of rows whose bounds do not depend on the threads.
    const int64_t block = std::max<int64_t>(16, (count + 63) / 64), blocks = (count + block - 1) / block;
    const auto partial = at::zeros({blocks, width}, x.options());
    in_parallel(blocks, double(count * width) * 2 * kElement, [&](int64_t first, int64_t last) {
        for (int64_t b = first; b < last; b++) {
            const int64_t from = b * block, length = std::min(block, count - from);
            isa().norm_backward(
                in(x) + from * width, in(inverse) + from, length, width, in(weight), in(dy) + from * width,
                residual.defined() ? in(residual) + from * width : nullptr, out(dx) + from * width,
                out(partial) + b * width);
        }
    });
    return {dx, partial.sum(0)};
}

at::Tensor gated(const at::Tensor &both) {
    const int64_t count = both.size(0), width = both.size(1) / 2;
    if (!ours(both)) return at::silu(both.narrow(1, 0, width)) * both.narrow(1, width, width);
    const auto y = at::empty({count, width}, both.options());
    in_parallel(count, double(y.numel()) * kExponential, [&](int64_t first, int64_t last) {
        isa().gated(in(both) + first * 2 * width, last - first, width, out(y) + first * width);
    });
    return y;
}

GatedGradient gated_backward(const at::Tensor &both, at::Tensor dy, bool consume) {
    const int64_t count = both.size(0), width = both.size(1) / 2;
    if (!ours(both, dy)) {
        const auto gate = both.narrow(1, 0, width), up = both.narrow(1, width, width);
        const auto silu = at::silu(gate), dboth = at::empty_like(both);
        auto dgate = dboth.narrow(1, 0, width), dup = dboth.narrow(1, width, width);
        at::silu_backward_out(dgate, dy * up, gate);
        at::mul_out(dup, dy, silu);
        return {dboth, silu * up};
    }
    const auto dboth = consume ? both : at::empty_like(both);
    in_parallel(count, double(dy.numel()) * kExponential, [&](int64_t first, int64_t last) {
        isa().gated_backward(
            in(both) + first * 2 * width, in(dy) + first * width, last - first, width, out(dboth) + first * 2 * width,
            out(dy) + first * width);
    });
    return {dboth, dy};
}

at::Tensor rotate(const at::Tensor &x, const at::Tensor &cosine, const at::Tensor &sine, double sign) {
    const int64_t dim = x.size(3), positions = x.size(1);
    TORCH_CHECK(
        dim % 2 == 0 && cosine.dim() == 2 && cosine.size(0) == positions && cosine.size(1) == dim / 2 &&
            sine.sizes() == cosine.sizes(),
        "x of shape ", x.sizes(), " needs rotary tables [", positions, ", ", dim / 2, "], found ", cosine.sizes());
    if (!ours(x, cosine, sine)) {
        const auto c = cosine.unsqueeze(1), s = sine.unsqueeze(1) * sign;
        const auto a = x.narrow(3, 0, dim / 2), b = x.narrow(3, dim / 2, dim / 2);
        // The tables may be more exact than x.
        auto y = at::empty(x.sizes(), x.options().dtype(at::promoteTypes(x.scalar_type(), cosine.scalar_type())));
        auto first = y.narrow(3, 0, dim / 2), second = y.narrow(3, dim / 2, dim / 2);
        at::addcmul_out(first, a * c, b, s, -1);
        at::addcmul_out(second, b * c, a, s, 1);
        return y.to(x.scalar_type());
    }
    const auto y = x.clone();
    rotate_(y, cosine, sine, sign);
    return y;
}

void rotate_(const at::Tensor &x, const at::Tensor &cosine, const at::Tensor &sine, double sign) {
    const int64_t positions = x.size(1);
    in_parallel(x.size(0) * positions, double(x.numel()) * kElement, [&](int64_t first, int64_t last) {
        isa().rotate(
            out(x), x.stride(1), first, last, x.size(2), x.size(3), positions, in(cosine), in(sine),
            static_cast<float>(sign));
    });
}

bool attends(int64_t batch, int64_t time, int64_t kv_heads, int64_t dim) {
    return dim % 16 == 0 && time <= 4096 && batch * kv_heads >= kernels::thread_count;
}

bool is_cpu_float(at::TensorList tensors) {
    return std::all_of(tensors.begin(), tensors.end(), [](const auto &t) {
        return t.is_cpu() && t.scalar_type() == at::kFloat;
    });
}

namespace {

Attention arguments(
    const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &mask, bool causal,
    const Attended &result
) {
    Attention a = {};
    a.time = q.size(1), a.heads = q.size(2), a.kv_heads = k.size(2), a.dim = q.size(3);
    a.q_row = q.stride(1), a.k_row = k.stride(1);
    a.q = in(q), a.k = in(k), a.v = in(v), a.out = out(result.out), a.lse = out(result.lse);
    a.mask = mask.defined() ? ct::elements<bool>(mask) : nullptr;
    a.causal = causal;
    a.scale = 1 / std::sqrt(static_cast<float>(a.dim));
    return a;
}

void over_heads(const Attention &a, int64_t batch, void (*kernel)(const Attention &, int64_t, int64_t, float *)) {
    const int64_t tasks = batch * a.kv_heads;
    const int32_t team = tasks <= 1 ? 1 : team_size(double(batch * a.heads * a.time * a.time * a.dim));
    const auto scratch = at::empty({team, a.scratch()}, at::kFloat);
    float *memory = out(scratch);
    on_team_of(team, [&](int64_t thread, int64_t threads) {
        const int64_t first = tasks * thread / threads, last = tasks * (thread + 1) / threads;
        if (first < last) kernel(a, first, last, memory + thread * a.scratch());
    });
}

}  // namespace

Attended attention(
    const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &mask, bool causal
) {
    const Attended result = {at::empty(q.sizes(), q.options()), at::empty({q.size(0), q.size(2), q.size(1)}, q.options())};
    over_heads(arguments(q, k, v, mask, causal, result), q.size(0), isa().attention);
    return result;
}

void attention_backward(
    const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &mask, bool causal,
    const Attended &result, const at::Tensor &dout, const AttentionGradient &d
) {
    auto a = arguments(q, k, v, mask, causal, result);
    a.dout = in(dout), a.dq = out(d.q), a.dk = out(d.k), a.dv = out(d.v);
    over_heads(a, q.size(0), isa().attention_backward);
}

}  // namespace ct::training
