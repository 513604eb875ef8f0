// Wrappers of ATen operators.
#include <ATen/core/Reduction.h>
#include <ATen/ops/add.h>
#include <ATen/ops/all.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/cumprod.h>
#include <ATen/ops/div.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/ge.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/log.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/logical_and.h>
#include <ATen/ops/logical_not.h>
#include <ATen/ops/max.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/topk.h>
#include <ATen/ops/where.h>
#include <c10/core/GradMode.h>

#include "ct_operators.h"
#include "internal.h"

using namespace ct;

// MARK: elementwise
ct_tensor ct_add(ct_tensor a, ct_tensor b, double alpha) {
    return guarded([&] { return alpha == 1 ? at::add(borrow(a), borrow(b)) : at::add(borrow(a), borrow(b), alpha); });
}
ct_tensor ct_mul(ct_tensor a, ct_tensor b) { return guarded([&] { return at::mul(borrow(a), borrow(b)); }); }
ct_tensor ct_div(ct_tensor a, ct_tensor b) { return guarded([&] { return at::div(borrow(a), borrow(b)); }); }
ct_tensor ct_add_scalar(ct_tensor a, double b) { return guarded([&] { return at::add(borrow(a), b); }); }
ct_tensor ct_mul_scalar(ct_tensor a, double b) { return guarded([&] { return at::mul(borrow(a), b); }); }
ct_tensor ct_pow_scalar(ct_tensor a, double e) { return guarded([&] { return at::pow(borrow(a), e); }); }
ct_tensor ct_exp(ct_tensor a) { return guarded([&] { return at::exp(borrow(a)); }); }
ct_tensor ct_log(ct_tensor a) { return guarded([&] { return at::log(borrow(a)); }); }
ct_tensor ct_cos(ct_tensor a) { return guarded([&] { return at::cos(borrow(a)); }); }
ct_tensor ct_sin(ct_tensor a) { return guarded([&] { return at::sin(borrow(a)); }); }
ct_tensor ct_rsqrt(ct_tensor a) { return guarded([&] { return at::rsqrt(borrow(a)); }); }
ct_tensor ct_silu(ct_tensor a) { return guarded([&] { return at::silu(borrow(a)); }); }
ct_tensor ct_eq(ct_tensor a, ct_tensor b) { return guarded([&] { return at::eq(borrow(a), borrow(b)); }); }
ct_tensor ct_ge(ct_tensor a, ct_tensor b) { return guarded([&] { return at::ge(borrow(a), borrow(b)); }); }
ct_tensor ct_logical_and(ct_tensor a, ct_tensor b) {
    return guarded([&] { return at::logical_and(borrow(a), borrow(b)); });
}
ct_tensor ct_logical_not(ct_tensor a) { return guarded([&] { return at::logical_not(borrow(a)); }); }
ct_tensor ct_where(ct_tensor c, ct_tensor a, ct_tensor b) {
    return guarded([&] { return at::where(borrow(c), borrow(a), borrow(b)); });
}
ct_tensor ct_is_finite(ct_tensor a) { return guarded([&] { return at::isfinite(borrow(a)); }); }

// MARK: reductions
ct_tensor ct_sum(ct_tensor a) { return guarded([&] { return at::sum(borrow(a)); }); }
ct_tensor ct_sum_axis(ct_tensor a, int64_t axis, bool keep) {
    return guarded([&] { return at::sum(borrow(a), at::IntArrayRef{axis}, keep); });
}
ct_tensor ct_mean_axis(ct_tensor a, int64_t axis, bool keep) {
    return guarded([&] { return at::mean(borrow(a), at::IntArrayRef{axis}, keep); });
}
ct_tensor ct_max(ct_tensor a) { return guarded([&] { return at::max(borrow(a)); }); }
ct_tensor ct_argmax(ct_tensor a, int64_t axis) { return guarded([&] { return at::argmax(borrow(a), axis); }); }
ct_tensor ct_all(ct_tensor a) { return guarded([&] { return at::all(borrow(a)); }); }
ct_tensor ct_cumulative_product(ct_tensor a, int64_t axis) {
    return guarded([&] { return at::cumprod(borrow(a), axis); });
}
int32_t ct_top(ct_tensor a, int64_t count, int64_t axis, ct_tensor *values, ct_tensor *indices) {
    return guarded_status([&] {
        auto [largest, positions] = at::topk(borrow(a), count, axis);
        *values = wrap(std::move(largest));
        *indices = wrap(std::move(positions));
    });
}
ct_tensor ct_softmax(ct_tensor a, int64_t axis) { return guarded([&] { return at::softmax(borrow(a), axis); }); }
ct_tensor ct_log_softmax(ct_tensor a, int64_t axis) {
    return guarded([&] { return at::log_softmax(borrow(a), axis); });
}

// MARK: shape
ct_tensor ct_reshape(ct_tensor a, const int64_t *sizes, int32_t rank) {
    return guarded([&] { return borrow(a).reshape(shape(sizes, rank)); });
}
ct_tensor ct_transpose(ct_tensor a, int64_t first, int64_t second) {
    return guarded([&] { return borrow(a).transpose(first, second); });
}
ct_tensor ct_narrow(ct_tensor a, int64_t axis, int64_t start, int64_t length) {
    return guarded([&] { return borrow(a).narrow(axis, start, length); });
}
ct_tensor ct_cat(const ct_tensor *list, int32_t count, int64_t axis) {
    return guarded([&] { return at::cat(borrow_list(list, count), axis); });
}
ct_tensor ct_contiguous(ct_tensor a) { return guarded([&] { return borrow(a).contiguous(); }); }
ct_tensor ct_clone(ct_tensor a) { return guarded([&] { return borrow(a).clone(); }); }
ct_tensor ct_to_dtype(ct_tensor a, int32_t dtype) { return guarded([&] { return borrow(a).to(scalar_type(dtype)); }); }
ct_tensor ct_to_device(ct_tensor a, ct_device d) {
    return guarded([&] {
        const auto source = borrow(a);
        note_host_copy(source);
        return source.to(device(d));
    });
}
ct_tensor ct_index_select(ct_tensor a, int64_t axis, ct_tensor indices) {
    return guarded([&] { return at::index_select(borrow(a), axis, borrow(indices)); });
}

// MARK: embedding and loss
ct_tensor ct_embedding(ct_tensor weight, ct_tensor indices) {
    return guarded([&] { return at::embedding(borrow(weight), borrow(indices)); });
}
ct_tensor ct_cross_entropy_sum(ct_tensor logits, ct_tensor targets, int64_t ignored) {
    return guarded([&] {
        return at::cross_entropy_loss(borrow(logits), borrow(targets), {}, at::Reduction::Sum, ignored, 0.0);
    });
}

// MARK: in place, outside autograd
int32_t ct_copy_(ct_tensor destination, ct_tensor source) {
    return guarded_status([&] {
        c10::NoGradGuard guard;
        borrow(destination).copy_(borrow(source));
    });
}
int32_t ct_zero_(ct_tensor t) {
    return guarded_status([&] {
        c10::NoGradGuard guard;
        borrow(t).zero_();
    });
}
int32_t ct_uniform_(ct_tensor t, double bound) {
    return guarded_status([&] {
        c10::NoGradGuard guard;
        borrow(t).uniform_(-bound, bound);
    });
}
int32_t ct_mul_scalar_(ct_tensor t, double value) {
    return guarded_status([&] {
        c10::NoGradGuard guard;
        borrow(t).mul_(value);
    });
}
int32_t ct_add_(ct_tensor t, ct_tensor other, double alpha) {
    return guarded_status([&] {
        c10::NoGradGuard guard;
        borrow(t).add_(borrow(other), alpha);
    });
}
