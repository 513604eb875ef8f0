// The table of kernels of one instruction set: ranges of work that one thread does.
#pragma once

#include <cstdint>

namespace ct::kernels {

struct Attention {
    const float *q;
    int64_t heads, kv_heads, head_dim;
    const float *k_cache, *v_cache;
    int64_t capacity;
    const int64_t *lengths;
    float scale;
    float *out;
};

struct Isa {
    // Output columns first ..< last of one job.
    void (*linear)(
        const float *w, int64_t first, int64_t last, const float *x, int64_t rows, int64_t x_stride, int64_t in,
        float *y, int64_t y_stride, bool accumulate);
    void (*rms_norm)(const float *x, int64_t rows, int64_t width, const float *weight, float eps, float *y);
    void (*swiglu)(const float *gate, const float *up, int64_t count, float *y);
    // Task t is (row t / heads, head t % heads); `scores` has room for the longest row plus 16.
    void (*attention)(const Attention &a, int64_t first, int64_t last, float *scores);
};

extern const Isa portable, avx2, avx512;

}  // namespace ct::kernels
