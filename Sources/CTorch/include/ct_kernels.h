// Row-invariant CPU kernels for decoding (DESIGN.md section 6). All matrices are float32 and row-major.
//
// The contract: in a pass over any number of rows, a row's result is bitwise the same whatever the number of rows, its
// place among them, its neighbours, the number of threads or the capacity of the cache. Every output is one sum in a fixed
// order, done by one thread. So a position's logits are equal in a pass of 1 and of k + 1 tokens, and speculative output
// equals plain output by construction.
#ifndef CT_KERNELS_H
#define CT_KERNELS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Threads of LibTorch's OpenMP pool to use; ct_set_threads sets it too.
void ct_kernels_set_threads(int32_t threads);
// 0 portable, 1 AVX2 with FMA, 2 AVX-512; -1 chooses the best there is. Returns the one in force. For tests.
int32_t ct_kernels_set_isa(int32_t isa);

// One product of several with the same input: y [rows, out] = (accumulate ? y : 0) + x · wᵀ, w [out, in].
typedef struct {
    const float *w;
    int64_t out;
    float *y;
    int64_t y_stride;
    int32_t accumulate;
} ct_k_job;

// x [rows, in] with `x_stride` floats from row to row. Each weight is read once for up to 8 rows.
void ct_k_linear(const ct_k_job *jobs, int32_t count, const float *x, int64_t rows, int64_t x_stride, int64_t in);

// y [rows, width] = x / sqrt(mean(x²) + eps) · weight.
void ct_k_rms_norm(const float *x, int64_t rows, int64_t width, const float *weight, float eps, float *y);

// y = gate · sigmoid(gate) · up, elementwise; y may be gate.
void ct_k_swiglu(const float *gate, const float *up, int64_t count, float *y);

// Rotates x [rows, heads, head_dim] in place by positions [rows]; tables [positions, head_dim / 2]; Hugging Face's form,
// first half of a head against its second half.
void ct_k_rope(
    float *x, int64_t rows, int64_t heads, int64_t head_dim, const int64_t *positions, const float *cosine,
    const float *sine);

// cache [kv_heads, capacity, head_dim], slot first_slot + r = x [rows, kv_heads, head_dim] row r.
void ct_k_cache_append(
    const float *x, int64_t rows, int64_t kv_heads, int64_t head_dim, float *cache, int64_t capacity,
    int64_t first_slot);

// out [rows, heads, head_dim]: row r of q [rows, heads, head_dim] attends to the slots 0 ..< lengths[r] of its key/value
// head (heads / kv_heads query heads share one).
void ct_k_attention(
    const float *q, int64_t rows, int64_t heads, int64_t kv_heads, int64_t head_dim, const float *k_cache,
    const float *v_cache, int64_t capacity, const int64_t *lengths, float scale, float *out);

// The first index of the largest value; -1 if there is a NaN.
int64_t ct_k_argmax(const float *x, int64_t n);

// Gumbel noise, a pure function of its arguments: -log(-log(u)), u uniform in (0, 1).
double ct_k_gumbel(uint64_t seed, uint64_t position, uint64_t token);

// argmax over v of x[v] / temperature + gumbel(seed, position, v): a sample of softmax(x / temperature); -1 for a NaN.
int64_t ct_k_gumbel_argmax(const float *x, int64_t n, double temperature, uint64_t seed, uint64_t position);

#ifdef __cplusplus
}
#endif
#endif
