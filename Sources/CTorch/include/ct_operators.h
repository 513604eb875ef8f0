// Operators of the C ABI: each returns a new handle, or NULL with `ct_last_error` set. Names and semantics are ATen's.
#ifndef CT_OPERATORS_H
#define CT_OPERATORS_H

#include "ct_tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

// MARK: elementwise
ct_tensor ct_add(ct_tensor a, ct_tensor b, double alpha);
ct_tensor ct_mul(ct_tensor a, ct_tensor b);
ct_tensor ct_div(ct_tensor a, ct_tensor b);
ct_tensor ct_add_scalar(ct_tensor a, double b);
ct_tensor ct_mul_scalar(ct_tensor a, double b);
ct_tensor ct_pow_scalar(ct_tensor a, double exponent);
ct_tensor ct_exp(ct_tensor a);
ct_tensor ct_log(ct_tensor a);
ct_tensor ct_cos(ct_tensor a);
ct_tensor ct_sin(ct_tensor a);
ct_tensor ct_rsqrt(ct_tensor a);
ct_tensor ct_silu(ct_tensor a);
ct_tensor ct_eq(ct_tensor a, ct_tensor b);
ct_tensor ct_ge(ct_tensor a, ct_tensor b);
ct_tensor ct_logical_and(ct_tensor a, ct_tensor b);
ct_tensor ct_logical_not(ct_tensor a);
ct_tensor ct_where(ct_tensor condition, ct_tensor a, ct_tensor b);
ct_tensor ct_is_finite(ct_tensor a);

// MARK: reductions
ct_tensor ct_sum(ct_tensor a);
ct_tensor ct_sum_axis(ct_tensor a, int64_t axis, bool keep);
ct_tensor ct_mean_axis(ct_tensor a, int64_t axis, bool keep);
ct_tensor ct_max(ct_tensor a);
ct_tensor ct_argmax(ct_tensor a, int64_t axis);
ct_tensor ct_all(ct_tensor a);
ct_tensor ct_cumulative_product(ct_tensor a, int64_t axis);
// The `count` largest elements along an axis, largest first, and their int64 indices. Returns a status.
int32_t ct_top(ct_tensor a, int64_t count, int64_t axis, ct_tensor *values, ct_tensor *indices);
ct_tensor ct_softmax(ct_tensor a, int64_t axis);
ct_tensor ct_log_softmax(ct_tensor a, int64_t axis);

// MARK: shape
ct_tensor ct_reshape(ct_tensor a, const int64_t *shape, int32_t rank);
ct_tensor ct_transpose(ct_tensor a, int64_t first, int64_t second);
ct_tensor ct_narrow(ct_tensor a, int64_t axis, int64_t start, int64_t length);
ct_tensor ct_cat(const ct_tensor *list, int32_t count, int64_t axis);
ct_tensor ct_contiguous(ct_tensor a);
ct_tensor ct_clone(ct_tensor a);
ct_tensor ct_to_dtype(ct_tensor a, int32_t dtype);
ct_tensor ct_to_device(ct_tensor a, ct_device device);
ct_tensor ct_index_select(ct_tensor a, int64_t axis, ct_tensor indices);

// MARK: embedding and loss
ct_tensor ct_embedding(ct_tensor weight, ct_tensor indices);
// Sum (not mean) of -log softmax(logits)[target] over rows whose target is not `ignored`.
ct_tensor ct_cross_entropy_sum(ct_tensor logits, ct_tensor targets, int64_t ignored);

// MARK: in place, outside autograd
int32_t ct_copy_(ct_tensor destination, ct_tensor source);
int32_t ct_zero_(ct_tensor t);
// Uniform in [-bound, bound), from the device's default generator.
int32_t ct_uniform_(ct_tensor t, double bound);
int32_t ct_mul_scalar_(ct_tensor t, double value);
int32_t ct_add_(ct_tensor t, ct_tensor other, double alpha);

#ifdef __cplusplus
}
#endif
#endif
