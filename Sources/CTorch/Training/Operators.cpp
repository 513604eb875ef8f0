// The fused operators as autograd functions: each forward says what is kept, each backward what is computed again.
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/graph_task.h>

#include "../internal.h"
#include "Rows.h"
#include "ct_training.h"

using namespace ct;
using namespace ct::training;
using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

namespace {

// Buffers that only this node holds may be overwritten in its backward pass, unless the graph is to be walked again.
bool may_consume() { return !torch::autograd::get_current_graph_task_keep_graph(); }

std::vector<int64_t> with_last(const Tensor &x, int64_t size) {
    auto sizes = x.sizes().vec();
    sizes.back() = size;
    return sizes;
}

Tensor weight_gradient(const Tensor &dy, const Tensor &input) { return at::mm(dy.t(), input); }

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
            outputs.push_back(at::mm(normed.y, weight.t()).view(with_last(x, weight.size(0))));
            kept.push_back(weight);
        }
        context->save_for_backward(kept);
        return outputs;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const auto x = rows(saved[0]), scale = saved[1].contiguous();
        auto normed = norm_again(x, saved[2], scale);
        variable_list result(2);
        Tensor dnormed;
        for (size_t i = 0; i < gradients.size(); i++) {
            const auto dy = rows(std::exchange(gradients[i], {}));
            const auto &weight = saved[3 + i];
            result.push_back(context->needs_input_grad(2 + i) ? weight_gradient(dy, normed) : Tensor());
            if (dnormed.defined()) dnormed.addmm_(dy, weight);
            else dnormed = at::mm(dy, weight);
        }
        normed.reset();
        const auto d = norm_backward(x, saved[2], scale, dnormed, {}, /*consume=*/true);
        result[0] = d.x.view(saved[0].sizes());
        result[1] = d.weight;
        result.push_back({});
        return result;
    }
};

struct AddSwiGLU : Function<AddSwiGLU> {
    static Tensor forward(
        AutogradContext *context, const Tensor &x, const Tensor &scale, const Tensor &gate, const Tensor &up,
        const Tensor &down, double eps
    ) {
        const auto flat = rows(x);
        auto normed = norm(flat, scale.contiguous(), eps);
        const auto gates = at::mm(normed.y, gate.t()), ups = at::mm(normed.y, up.t());
        normed.y.reset();
        context->save_for_backward({x, scale, gate, up, down, normed.inverse, gates, ups});
        return at::addmm(flat, gated(gates, ups), down.t()).view(x.sizes());
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const auto x = rows(saved[0]), scale = saved[1].contiguous();
        const auto &gate = saved[2], &up = saved[3], &down = saved[4], &inverse = saved[5];
        const auto dy = rows(gradients[0]);
        const auto wants = [&](size_t input) { return context->needs_input_grad(input); };

        auto d = gated_backward(saved[6], saved[7], at::mm(dy, down), may_consume());
        const auto ddown = wants(4) ? weight_gradient(dy, d.product) : Tensor();
        d.product.reset();
        auto normed = norm_again(x, inverse, scale);
        const auto dgate = wants(2) ? weight_gradient(d.gate, normed) : Tensor();
        const auto dup = wants(3) ? weight_gradient(d.up, normed) : Tensor();
        auto dnormed = at::mm_out(normed, d.gate, gate);
        dnormed.addmm_(d.up, up);
        const auto dx = norm_backward(x, inverse, scale, dnormed, dy, /*consume=*/true);
        return {dx.x.view(saved[0].sizes()), dx.weight, dgate, dup, ddown, {}};
    }
};

struct Rotate : Function<Rotate> {
    static Tensor forward(AutogradContext *context, const Tensor &x, const Tensor &cosine, const Tensor &sine) {
        context->save_for_backward({cosine, sine});
        return rotate(x.contiguous(), cosine.contiguous(), sine.contiguous(), 1);
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        return {rotate(gradients[0].contiguous(), saved[0].contiguous(), saved[1].contiguous(), -1), {}, {}};
    }
};

// Keeps what it was given and log Σ exp of each query's scores.
struct OwnAttention : Function<OwnAttention> {
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
        const auto d = attention_backward(
            saved[0], saved[1], saved[2], saved[3], context->saved_data["causal"].toBool(), {saved[4], saved[5]},
            gradients[0].contiguous());
        return {d.q, d.k, d.v, {}, {}};
    }
};

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

ct_tensor ct_add_linear(ct_tensor residual, ct_tensor input, ct_tensor weight) {
    return guarded([&] {
        const auto base = borrow(residual), x = borrow(input), w = borrow(weight);
        return at::addmm(base.reshape({-1, base.size(-1)}), x.reshape({-1, x.size(-1)}), w.t()).view(base.sizes());
    });
}

ct_tensor ct_rotate(ct_tensor x, ct_tensor cosine, ct_tensor sine) {
    return guarded([&] { return Rotate::apply(borrow(x), borrow(cosine), borrow(sine)); });
}

ct_tensor ct_attention(ct_tensor query, ct_tensor key, ct_tensor value, ct_tensor mask_or_null, bool causal) {
    return guarded([&] {
        const auto q = borrow(query), k = borrow(key), v = borrow(value);
        const auto mask = borrow_optional(mask_or_null);
        TORCH_CHECK(
            q.dim() == 4 && k.dim() == 4 && v.sizes() == k.sizes() && q.size(0) == k.size(0) && q.size(3) == k.size(3) &&
                k.size(2) > 0 && q.size(2) % k.size(2) == 0,
            "attention of queries ", q.sizes(), " over keys ", k.sizes(), " and values ", v.sizes());
        TORCH_CHECK(!(causal && mask), "attention takes a mask or is causal, not both");
        const std::vector<int64_t> full = {q.size(0), 1, q.size(1), k.size(1)};
        if (attends(q, k, v) && (!mask || (mask->scalar_type() == at::kBool && mask->sizes() == at::IntArrayRef(full))))
            return OwnAttention::apply(q, k, v, mask, causal);
        const auto heads_first = [](const Tensor &t) { return t.transpose(1, 2); };
        return at::scaled_dot_product_attention(
                   heads_first(q), heads_first(k), heads_first(v), mask, 0.0, causal, std::nullopt,
                   /*enable_gqa=*/q.size(2) != k.size(2))
            .transpose(1, 2);
    });
}
