// The table of kernels of one instruction set: ranges of work that one thread does.
#pragma once

#include <cstdint>

#include "ct_kernels.h"

namespace ct::kernels {

// y [rows, out] = residual + x · wᵀ, or with `up`: silu(x · wᵀ) · (x · upᵀ).
struct Product {
    const ct_k_weight *w;
    const ct_k_weight *up;  // or null
    const float *x;
    int64_t x_stride, rows;
    float *y;
    int64_t y_stride;
    const float *residual;  // or null; [rows, y_stride]
    const struct Rounded *rounded = nullptr;  // x for int8 weights
};

// Rows of inputs as 8-bit numbers: x ≈ values · scales, for each group of CT_K_INT8_GROUP inputs.
struct Rounded {
    int8_t *values;  // [rows, stride], zeros behind the row's own
    float *scales;   // [rows, groups]
    int32_t *sums;   // [rows, groups], of the values
    int64_t stride;
};

struct Isa {
    // The panels first ..< last of a product.
    void (*product)(const Product &a, int64_t first, int64_t last);
    // Rounds rows of `in` numbers that lie x_stride apart.
    void (*round_rows)(const float *x, int64_t x_stride, int64_t rows, int64_t in, const Rounded &out);
    // y rows lie y_stride floats apart, x rows `width`.
    void (*rms_norm)(const float *x, int64_t rows, int64_t width, const float *weight, float eps, float *y, int64_t y_stride);
    // Turns one head in place by the angles of a row of the tables.
    void (*rotate)(float *x, int64_t head_dim, const float *cosine, const float *sine);
    // One query head [head_dim] of a row over `length` slots of its key/value head; `scores` has room for length + 64.
    void (*attention)(
        const float *q, int64_t head_dim, float *const *pages, int64_t keys, int64_t values, int64_t length, float scale,
        float *scores, float *out);
    // A sum of all, so that the compiler keeps the reads.
    float (*read)(const float *x, int64_t n);
};

extern const Isa portable, avx2, avx512, avx512_vnni;
// The best that the processor has, or the one that a test forces.
const Isa &isa();

inline int64_t panels(int64_t count) { return (count + CT_K_PANEL - 1) / CT_K_PANEL; }
// Of int8.
inline int64_t groups(int64_t in) { return (in + CT_K_INT8_GROUP - 1) / CT_K_INT8_GROUP; }

// 0 portable, 1 AVX2, 2 AVX-512: what ct_kernels_set_isa chose, else the best there is.
int32_t isa_level();

}  // namespace ct::kernels
