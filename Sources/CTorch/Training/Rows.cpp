#include "Rows.h"

#include <algorithm>
#include <vector>

#include "../Kernels/Isa.h"
#include "../Kernels/Parallel.h"
#include "Isa.h"

using ct::kernels::in_parallel;

namespace ct::training {

const Isa &isa() {
#if defined(__x86_64__)
    const int32_t level = kernels::isa_level();
    if (level == 2) return avx512;
    if (level == 1) return avx2;
#endif
    return portable;
}

namespace {

template <typename... Tensors>
bool ours(const Tensors &...tensors) {
    return ((tensors.is_cpu() && tensors.scalar_type() == at::kFloat && tensors.is_contiguous()) && ...);
}

const float *in(const at::Tensor &t) { return t.const_data_ptr<float>(); }
float *out(const at::Tensor &t) { return t.mutable_data_ptr<float>(); }

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

at::Tensor norm_again(const at::Tensor &x, const at::Tensor &inverse, const at::Tensor &weight) {
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

at::Tensor gated(const at::Tensor &gate, const at::Tensor &up) {
    TORCH_CHECK(gate.sizes() == up.sizes(), "gate has shape ", gate.sizes(), " and up ", up.sizes());
    if (!ours(gate, up)) return at::silu(gate) * up;
    const auto y = at::empty_like(gate);
    in_parallel(gate.size(0), double(gate.numel()) * kExponential, [&](int64_t first, int64_t last) {
        const int64_t from = first * gate.size(1);
        isa().gated(in(gate) + from, in(up) + from, (last - first) * gate.size(1), out(y) + from);
    });
    return y;
}

GatedGradient gated_backward(const at::Tensor &gate, const at::Tensor &up, at::Tensor dy, bool consume) {
    if (!ours(gate, up, dy)) {
        const auto sigmoid = at::sigmoid(gate), silu = gate * sigmoid;
        return {dy * up * (sigmoid * (1 + gate * (1 - sigmoid))), dy * silu, silu * up};
    }
    const auto dgate = consume ? gate : at::empty_like(gate), dup = consume ? up : at::empty_like(up);
    in_parallel(gate.size(0), double(gate.numel()) * kExponential, [&](int64_t first, int64_t last) {
        const int64_t from = first * gate.size(1);
        isa().gated_backward(
            in(gate) + from, in(up) + from, in(dy) + from, (last - first) * gate.size(1), out(dgate) + from,
            out(dup) + from, out(dy) + from);
    });
    return {dgate, dup, dy};
}

at::Tensor rotate(const at::Tensor &x, const at::Tensor &cosine, const at::Tensor &sine, double sign) {
    const int64_t heads = x.size(2), dim = x.size(3), positions = x.size(1);
    TORCH_CHECK(
        dim % 2 == 0 && cosine.dim() == 2 && cosine.size(0) == positions && cosine.size(1) == dim / 2 &&
            sine.sizes() == cosine.sizes(),
        "x of shape ", x.sizes(), " needs rotary tables [", positions, ", ", dim / 2, "], found ", cosine.sizes());
    if (!ours(x, cosine, sine)) {
        const auto c = cosine.unsqueeze(1), s = sine.unsqueeze(1) * sign;
        const auto a = x.narrow(3, 0, dim / 2), b = x.narrow(3, dim / 2, dim / 2);
        return at::cat({a * c - b * s, b * c + a * s}, 3);
    }
    const auto y = at::empty_like(x);
    const int64_t count = x.size(0) * positions;
    in_parallel(count, double(x.numel()) * kElement, [&](int64_t first, int64_t last) {
        isa().rotate(
            in(x), first, last, heads, dim, positions, in(cosine), in(sine), static_cast<float>(sign), out(y));
    });
    return y;
}

}  // namespace ct::training
