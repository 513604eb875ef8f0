// The fused operators as autograd functions: each forward shows what is saved, each backward what is recomputed.
#include <ATen/SDPBackend.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fused_sdp_choice.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/graph_task.h>

#include "../internal.h"
#include "../Device/Attention.h"
#include "Gemm.h"
#include "Rows.h"
#include "ct_training.h"

using namespace ct;
using namespace ct::training;
using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

namespace {

// Buffers held by this node only may be overwritten in its backward pass, unless the graph is retained.
bool may_consume() { return !torch::autograd::get_current_graph_task_keep_graph(); }

std::vector<int64_t> with_last(const Tensor &x, int64_t size) {
    auto sizes = x.sizes().vec();
    sizes.back() = size;
    return sizes;
}

Tensor weight_gradient(const Tensor &dy, const Tensor &input) { return gemm(dy.t(), input); }

// Matrices [out_i, in] stacked along the first axis, for one GEMM instead of several: a view if they are adjacent in memory, as
// those of a block are, otherwise a copy.
Tensor joined(at::TensorList parts) {
    const auto &first = parts[0];
    const int64_t width = first.size(1);
    int64_t height = 0;
    bool adjacent = true;
    for (const auto &part : parts) {
        adjacent = adjacent && part.is_contiguous() && part.storage().is_alias_of(first.storage()) &&
                   part.size(1) == width && part.storage_offset() == first.storage_offset() + height * width;
        height += part.size(0);
    }
    return adjacent ? first.as_strided({height, width}, {width, 1}) : at::cat(parts);
}

struct RmsNorm : Function<RmsNorm> {
    static Tensor forward(AutogradContext *context, const Tensor &x, const Tensor &weight, double eps) {
        const auto normed = norm(rows(x), weight.contiguous(), eps);
        context->save_for_backward({x, weight, normed.inverse});
        return normed.y.view(x.sizes());
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const auto &x = saved[0];
        const auto d = norm_backward(rows(x), saved[2], saved[1].contiguous(), rows(gradients[0]), {}, false);
        return {d.x.view(x.sizes()), d.weight, {}};
    }
};

struct NormLinears : Function<NormLinears> {
    static variable_list forward(
        AutogradContext *context, const Tensor &x, const Tensor &scale, at::TensorList weights, double eps
    ) {
        const auto normed = norm(rows(x), scale.contiguous(), eps);
        variable_list outputs, kept = {x, scale, normed.inverse};
        for (const auto &weight : weights) {
            outputs.push_back(gemm(normed.y, weight.t()).view(with_last(x, weight.size(0))));
            kept.push_back(weight);
        }
        context->save_for_backward(kept);
        context->saved_data["eps"] = eps;
        return outputs;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const auto x = rows(saved[0]), scale = saved[1].contiguous();
        auto normed = recompute_norm(x, saved[2], scale, context->saved_data["eps"].toDouble());
        variable_list result(2);
        Tensor dnormed;
        for (size_t i = 0; i < gradients.size(); i++) {
            const auto dy = rows(std::exchange(gradients[i], {}));
            const auto &weight = saved[3 + i];
            result.push_back(context->needs_input_grad(2 + i) ? weight_gradient(dy, normed) : Tensor());
            if (dnormed.defined()) accumulate_gemm(dnormed, dy, weight);
            else dnormed = gemm(dy, weight);
        }
        normed.reset();
        const auto d = norm_backward(x, saved[2], scale, dnormed, {}, /*consume=*/true);
        result[0] = d.x.view(saved[0].sizes());
        result[1] = d.weight;
        result.push_back({});
        return result;
    }
};

struct Linear : Function<Linear> {
    static Tensor forward(AutogradContext *context, const Tensor &x, const Tensor &weight) {
        context->save_for_backward({x, weight});
        return gemm(rows(x), weight.t()).view(with_last(x, weight.size(0)));
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const auto dy = rows(gradients[0]);
        return {
            context->needs_input_grad(0) ? gemm(dy, saved[1]).view(saved[0].sizes()) : Tensor(),
            context->needs_input_grad(1) ? weight_gradient(dy, rows(saved[0])) : Tensor()};
    }
};

struct AddSwiGLU : Function<AddSwiGLU> {
    static Tensor forward(
        AutogradContext *context, const Tensor &x, const Tensor &scale, const Tensor &gate, const Tensor &up,
        const Tensor &down, double eps
    ) {
        const auto flat = rows(x);
        TORCH_CHECK(gate.sizes() == up.sizes(), "gate has shape ", gate.sizes(), " and up ", up.sizes());
        auto normed = norm(flat, scale.contiguous(), eps);
        const auto both = gemm(normed.y, joined({gate, up}).t());
        normed.y.reset();
        context->save_for_backward({x, scale, gate, up, down, normed.inverse, both});
        context->saved_data["eps"] = eps;
        return add_gemm(flat, swiglu(both), down.t()).view(x.sizes());
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const auto x = rows(saved[0]), scale = saved[1].contiguous();
        const auto &gate = saved[2], &up = saved[3], &down = saved[4], &inverse = saved[5];
        const auto dy = rows(gradients[0]);
        const auto wants = [&](size_t input) { return context->needs_input_grad(input); };

        auto d = swiglu_backward(saved[6], gemm(dy, down), may_consume());
        const auto ddown = wants(4) ? weight_gradient(dy, d.y) : Tensor();
        d.y.reset();
        auto normed = recompute_norm(x, inverse, scale, context->saved_data["eps"].toDouble());
        const int64_t width = gate.size(0);
        const auto dboth = wants(2) || wants(3) ? weight_gradient(d.both, normed) : Tensor();
        const auto dnormed = gemm_into(normed, d.both, joined({gate, up}));
        const auto dx = norm_backward(x, inverse, scale, dnormed, dy, /*consume=*/true);
        return {
            dx.x.view(saved[0].sizes()), dx.weight, wants(2) ? dboth.narrow(0, 0, width) : Tensor(),
            wants(3) ? dboth.narrow(0, width, width) : Tensor(), ddown, {}};
    }
};

struct Rope : Function<Rope> {
    static Tensor forward(AutogradContext *context, const Tensor &x, const Tensor &cosine, const Tensor &sine) {
        context->save_for_backward({cosine, sine});
        return rope(x.contiguous(), cosine.contiguous(), sine.contiguous(), 1);
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        return {rope(gradients[0].contiguous(), saved[0].contiguous(), saved[1].contiguous(), -1), {}, {}};
    }
};

// Saves its inputs, its output and the log-sum-exp of each query's scores.
struct BuiltinAttention : Function<BuiltinAttention> {
    static Tensor forward(
        AutogradContext *context, const Tensor &q, const Tensor &k, const Tensor &v,
        const std::optional<Tensor> &mask, bool causal
    ) {
        const auto own_q = q.contiguous(), own_k = k.contiguous(), own_v = v.contiguous();
        const auto own_mask = mask ? mask->contiguous() : Tensor();
        const auto result = attention(own_q, own_k, own_v, own_mask, causal);
        context->save_for_backward({own_q, own_k, own_v, own_mask, result.out, result.lse});
        context->saved_data["causal"] = causal;
        return result.out;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const AttentionGradient d = {at::empty_like(saved[0]), at::empty_like(saved[1]), at::empty_like(saved[2])};
        attention_backward(
            saved[0], saved[1], saved[2], saved[3], context->saved_data["causal"].toBool(), {saved[4], saved[5]},
            gradients[0].contiguous(), d);
        return {d.q, d.k, d.v, {}, {}};
    }
};

// Views of queries, keys and values in rows [N, (H + 2K) · d].
struct Projected {
    Tensor q, k, v, qk;  // [B, T, H or K, d]; `qk` is queries and keys together

    Projected(const Tensor &rows, int64_t batch, int64_t heads, int64_t kv_heads) {
        const auto all = rows.view({batch, rows.size(0) / batch, heads + 2 * kv_heads, -1});
        qk = all.narrow(2, 0, heads + kv_heads), q = all.narrow(2, 0, heads);
        k = all.narrow(2, heads, kv_heads), v = all.narrow(2, heads + kv_heads, kv_heads);
    }
};

// A block's attention half with one GEMM for queries, keys and values. Saves x, 1/rms, queries and keys after rope, values,
// attention's output and log-sum-exp.
struct AddAttention : Function<AddAttention> {
    static Tensor forward(
        AutogradContext *context, const Tensor &x, const Tensor &scale, const Tensor &query, const Tensor &key,
        const Tensor &value, const Tensor &output, const Tensor &cosine, const Tensor &sine,
        const std::optional<Tensor> &mask, int64_t dim, double eps
    ) {
        const auto flat = rows(x);
        auto normed = norm(flat, scale.contiguous(), eps);
        const auto all = gemm(normed.y, joined({query, key, value}).t());
        normed.y.reset();
        const Projected p(all, x.size(0), query.size(0) / dim, key.size(0) / dim);
        rope_(p.qk, cosine, sine, 1);
        const auto result = attention(p.q, p.k, p.v, mask.value_or(Tensor()), !mask);
        context->save_for_backward(
            {x, scale, query, key, value, output, cosine, sine, mask.value_or(Tensor()), normed.inverse, all, result.out,
             result.lse});
        context->saved_data["dim"] = dim;
        context->saved_data["eps"] = eps;
        return add_gemm(flat, result.out.view({flat.size(0), -1}), output.t()).view(x.sizes());
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const auto x = rows(saved[0]), scale = saved[1].contiguous(), dy = rows(gradients[0]);
        const auto &output = saved[5], &mask = saved[8], &all = saved[10], &out = saved[11];
        const int64_t dim = context->saved_data["dim"].toInt(), batch = saved[0].size(0);
        const int64_t heads = saved[2].size(0) / dim, kv_heads = saved[3].size(0) / dim;
        const auto wants = [&](size_t input) { return context->needs_input_grad(input); };

        const auto doutput = wants(5) ? weight_gradient(dy, out.view({dy.size(0), -1})) : Tensor();
        auto dout = gemm(dy, output);
        const Projected p(all, batch, heads, kv_heads);
        const auto dall = at::empty_like(all);
        const Projected d(dall, batch, heads, kv_heads);
        attention_backward(p.q, p.k, p.v, mask, !mask.defined(), {out, saved[12]}, dout, {d.q, d.k, d.v});
        dout.reset();
        rope_(d.qk, saved[6], saved[7], -1);

        auto normed = recompute_norm(x, saved[9], scale, context->saved_data["eps"].toDouble());
        const auto weights = wants(2) || wants(3) || wants(4) ? weight_gradient(dall, normed) : Tensor();
        const auto part = [&](size_t input, int64_t start, int64_t count) {
            return wants(input) ? weights.narrow(0, start * dim, count * dim) : Tensor();
        };
        const auto dnormed = gemm_into(normed, dall, joined({saved[2], saved[3], saved[4]}));
        const auto dx = norm_backward(x, saved[9], scale, dnormed, dy, /*consume=*/true);
        return {
            dx.x.view(saved[0].sizes()), dx.weight, part(2, 0, heads), part(3, heads, kv_heads),
            part(4, heads + kv_heads, kv_heads), doutput, {}, {}, {}, {}, {}};
    }
};

// Whether the built-in attention supports this mask: none, or one per sequence for all heads.
bool supports_mask(const std::optional<Tensor> &mask, int64_t batch, int64_t queries, int64_t keys) {
    const std::vector<int64_t> full = {batch, 1, queries, keys};
    return !mask || (mask->scalar_type() == at::kBool && mask->sizes() == at::IntArrayRef(full));
}

// Whether the attention half of a block can run as one node. Mismatched shapes are left to the individual operators, which
// report them.
bool fits_one_node(
    const Tensor &x, const Tensor &scale, const std::vector<Tensor> &projections, const Tensor &output, const Tensor &cosine,
    const Tensor &sine, const std::optional<Tensor> &mask, int64_t dim
) {
    const auto &query = projections[0], &key = projections[1], &value = projections[2];
    const int64_t batch = x.size(0), time = x.size(1), width = x.size(2);
    const std::vector<int64_t> table = {time, dim / 2};
    return is_cpu_float({x, scale, query, key, value, output, cosine, sine}) && cosine.is_contiguous() &&
           sine.is_contiguous() && cosine.sizes() == at::IntArrayRef(table) && sine.sizes() == cosine.sizes() &&
           query.dim() == 2 && key.dim() == 2 && key.sizes() == value.sizes() && query.size(1) == width &&
           key.size(1) == width && output.dim() == 2 && output.size(0) == width && output.size(1) == query.size(0) &&
           key.size(0) > 0 && query.size(0) % key.size(0) == 0 &&
           supports_attention(batch, time, key.size(0) / dim, dim) &&
           supports_mask(mask, batch, time, time);
}

// LibTorch's attention of queries [B, H, T, d]: on a GPU the kernel that LibTorch chooses (cuDNN's or flash attention in
// bfloat16). For shared key heads in float32 or with a mask, LibTorch would fall back to the math kernel, which holds all scores
// [T, S], because its memory-efficient kernel needs a key head per query head; there the key heads are repeated instead.
Tensor library_attention(Tensor q, Tensor k, Tensor v, const std::optional<Tensor> &mask, bool causal) {
    bool shares_keys = q.size(1) != k.size(1);
    if (!q.is_cuda()) return at::scaled_dot_product_attention(q, k, v, mask, 0.0, causal, std::nullopt, shares_keys);
    std::optional<WithoutCudnnAttention> guard;
    if (mask) guard.emplace();
    const auto choice = static_cast<at::SDPBackend>(
        at::_fused_sdp_choice(q, k, v, mask, 0.0, causal, std::nullopt, shares_keys));
    if (shares_keys && choice == at::SDPBackend::math) {
        const int64_t repeats = q.size(1) / k.size(1);
        k = k.repeat_interleave(repeats, 1), v = v.repeat_interleave(repeats, 1);
        shares_keys = false;
    }
    return at::scaled_dot_product_attention(q, k, v, mask, 0.0, causal, std::nullopt, shares_keys);
}

Tensor attend(const Tensor &q, const Tensor &k, const Tensor &v, const std::optional<Tensor> &mask, bool causal) {
    TORCH_CHECK(
        q.dim() == 4 && k.dim() == 4 && v.sizes() == k.sizes() && q.size(0) == k.size(0) && q.size(3) == k.size(3) &&
            k.size(2) > 0 && q.size(2) % k.size(2) == 0,
        "attention: shapes do not match: queries ", q.sizes(), ", keys ", k.sizes(), ", values ", v.sizes());
    TORCH_CHECK(!(causal && mask), "attention: give a mask or causal, not both");
    if (is_cpu_float({q, k, v}) && q.size(1) == k.size(1) &&
        supports_attention(q.size(0), q.size(1), k.size(2), q.size(3)) &&
        supports_mask(mask, q.size(0), q.size(1), k.size(1)))
        return BuiltinAttention::apply(q, k, v, mask, causal);
    return library_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), mask, causal).transpose(1, 2);
}

Tensor add_linear(const Tensor &base, const Tensor &x, const Tensor &weight) {
    return at::addmm(base.reshape({-1, base.size(-1)}), x.reshape({-1, x.size(-1)}), weight.t()).view(base.sizes());
}

}  // namespace

ct_tensor ct_rms_norm(ct_tensor x, ct_tensor weight, double eps) {
    return guarded([&] { return RmsNorm::apply(borrow(x), borrow(weight), eps); });
}

int32_t ct_norm_linears(
    ct_tensor x, ct_tensor scale, double eps, const ct_tensor *weights, int32_t count, ct_tensor *out
) {
    return guarded_status([&] {
        const auto list = borrow_list(weights, count);
        auto results = NormLinears::apply(borrow(x), borrow(scale), at::TensorList(list), eps);
        for (int32_t i = 0; i < count; i++) out[i] = wrap(std::move(results[i]));
    });
}

ct_tensor ct_add_swiglu(ct_tensor x, ct_tensor scale, double eps, ct_tensor gate, ct_tensor up, ct_tensor down) {
    return guarded([&] {
        return AddSwiGLU::apply(borrow(x), borrow(scale), borrow(gate), borrow(up), borrow(down), eps);
    });
}

ct_tensor ct_matmul(ct_tensor a, ct_tensor b) {
    return guarded([&] {
        const auto left = borrow(a), right = borrow(b);
        const bool tracked = at::GradMode::is_enabled() && (left.requires_grad() || right.requires_grad());
        return left.dim() == 2 && right.dim() == 2 && !tracked ? gemm(left, right) : at::matmul(left, right);
    });
}

ct_tensor ct_linear(ct_tensor input, ct_tensor weight, ct_tensor bias_or_null) {
    return guarded([&] {
        const auto x = borrow(input), w = borrow(weight);
        const auto bias = borrow_optional(bias_or_null);
        const bool builtin = !bias && is_cpu_float({x, w}) && x.dim() >= 1 && x.numel() > 0 && w.dim() == 2 &&
                             w.numel() > 0 && w.size(1) == x.size(-1);
        return builtin ? Linear::apply(x, w) : at::linear(x, w, bias);
    });
}

ct_tensor ct_add_linear(ct_tensor residual, ct_tensor input, ct_tensor weight) {
    return guarded([&] { return add_linear(borrow(residual), borrow(input), borrow(weight)); });
}

ct_tensor ct_rope(ct_tensor x, ct_tensor cosine, ct_tensor sine) {
    return guarded([&] { return Rope::apply(borrow(x), borrow(cosine), borrow(sine)); });
}

ct_tensor ct_attention(ct_tensor query, ct_tensor key, ct_tensor value, ct_tensor mask_or_null, bool causal) {
    return guarded([&] {
        return attend(borrow(query), borrow(key), borrow(value), borrow_optional(mask_or_null), causal);
    });
}

ct_tensor ct_add_attention(
    ct_tensor input, ct_tensor scale, double eps, ct_tensor query, ct_tensor key, ct_tensor value, ct_tensor output,
    int64_t dim, ct_tensor cosine, ct_tensor sine, ct_tensor mask_or_null
) {
    return guarded([&] {
        const auto x = borrow(input), norm = borrow(scale), c = borrow(cosine), s = borrow(sine), o = borrow(output);
        const std::vector<Tensor> weights = {borrow(query), borrow(key), borrow(value)};
        const auto mask = borrow_optional(mask_or_null);
        TORCH_CHECK(
            x.dim() == 3 && dim > 0 && weights[0].size(0) % dim == 0 && weights[1].size(0) % dim == 0,
            "attention: shapes do not match: x ", x.sizes(), ", query weight ", weights[0].sizes(), ", key weight ",
            weights[1].sizes(), ", head dimension ", dim);
        const auto heads = [&](const Tensor &t) { return t.view({x.size(0), x.size(1), -1, dim}); };
        if (fits_one_node(x, norm, weights, o, c, s, mask, dim))
            return AddAttention::apply(
                x, norm, weights[0], weights[1], weights[2], o, c, s, mask ? mask->contiguous() : mask, dim, eps);
        const auto all = NormLinears::apply(x, norm, at::TensorList(weights), eps);
        const auto attended = attend(
            Rope::apply(heads(all[0]), c, s), Rope::apply(heads(all[1]), c, s), heads(all[2]), mask, !mask);
        return add_linear(x, attended.reshape({x.size(0), x.size(1), -1}), o);
    });
}
