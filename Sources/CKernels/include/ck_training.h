// Kernels of a training step in float32, without autograd. Each runs its own parallel region. Results do not depend on the number
// of threads. The order of summation differs from decoding (ck_decode.h), so results differ in the last bits.
#ifndef CK_TRAINING_H
#define CK_TRAINING_H

#include <stdbool.h>
#include <stdint.h>

#include "ck_threads.h"

#ifdef __cplusplus
extern "C" {
#endif

// MARK: RMSNorm of contiguous rows [rows, width]
// y = x · inverse · weight, with inverse [rows] = 1 / √(mean(x²) + epsilon) of each row.
void ck_rms_norm_forward(
    const float *x, int64_t rows, int64_t width, const float *weight, float epsilon, float *y, float *inverse);
// Recomputes y from the stored inverse.
void ck_rms_norm_recompute(
    const float *x, const float *inverse, int64_t rows, int64_t width, const float *weight, float *y);
// dx = residual (0 if NULL) + the norm's gradient for dy; dx may alias dy. The weight's gradient is accumulated into `dweight`
// [blocks, width] with one row per block of input rows, ck_rms_norm_blocks(rows) blocks in all, whose bounds do not depend on the
// threads; the caller sums its rows.
int64_t ck_rms_norm_blocks(int64_t rows);
void ck_rms_norm_backward(
    const float *x, const float *inverse, int64_t rows, int64_t width, const float *weight, const float *dy,
    const float *residual, float *dx, float *dweight);

// MARK: SwiGLU
// y [rows, width] = gate · sigmoid(gate) · up, with gate and up concatenated in `gate_up` [rows, 2 · width].
void ck_swiglu_forward(const float *gate_up, int64_t rows, int64_t width, float *y);
// Computes the gradients for dy and recomputes y; dgate_up may alias gate_up, and y may alias dy.
void ck_swiglu_backward(const float *gate_up, const float *dy, int64_t rows, int64_t width, float *dgate_up, float *y);

// MARK: rotary position embedding
// Applies rope in place to the first `heads` heads of rows with stride `stride`; row r is at position r % positions. Tables are
// [positions, head_dim / 2] and pair the elements i and i + head_dim / 2 of a head. `sign` is 1, or -1 for the inverse.
void ck_rope(
    float *x, int64_t stride, int64_t rows, int64_t heads, int64_t head_dim, int64_t positions, const float *cosine,
    const float *sine, float sign);

// MARK: attention
// Queries, outputs and their gradients [batch, time, attention_heads, head_dim], keys and values
// [batch, time, kv_heads, head_dim]; head_dim is a multiple of 16. Queries, keys, values and their gradients may be strided over
// time, since one GEMM computes all three; outputs and their gradient are contiguous.
typedef struct {
    int64_t batch, time, attention_heads, kv_heads, head_dim;
    int64_t q_stride, k_stride;  // from one position to the next, of q and dq; of k, v, dk and dv
    const float *q, *k, *v;
    float *out;
    float *lse;        // log Σ exp of each query's scores, [batch, attention_heads, time]
    const bool *mask;  // [batch, time, time], true where a query may attend; NULL: everywhere
    bool causal;
    float scale;
    // Backward only.
    const float *dout;
    float *dq, *dk, *dv;
} ck_attention;

// Number of threads that the work is worth, and the working memory for a number of threads, in floats.
int32_t ck_attention_threads(const ck_attention *a);
int64_t ck_attention_scratch(const ck_attention *a, int32_t threads);
// Writes out and lse.
void ck_attention_forward(const ck_attention *a, int32_t threads, float *scratch);
// Reads out, lse and dout, and writes dq, dk and dv.
void ck_attention_backward(const ck_attention *a, int32_t threads, float *scratch);

// MARK: cross-entropy
// A chunk of logits [rows, vocabulary].
typedef struct {
    float *logits;
    int64_t rows, vocabulary;
    const int64_t *targets;      // [rows, count], each within the vocabulary
    const float *probabilities;  // [rows, count]; NULL: all 1
    int64_t count;
    float scale;
    double *losses;  // [rows]
} ck_logits_chunk;

// losses[r] = −Σ_j probability_j · log softmax(logits)[target_j], and the logits become scale · their gradient.
void ck_softmax_cross_entropy(const ck_logits_chunk *chunk);

// MARK: GEMM
// c [m, n] = base + a [m, k] · b [k, n]. a and b have row and column strides, one of which is 1. `base` is 0 if NULL and may alias
// c. Sums are split by depth into equal parts of at most 384, each summed in order.
typedef struct {
    int64_t m, n, k;
    const float *a;
    int64_t a_row, a_column;
    const float *b;
    int64_t b_row, b_column;
    const float *base;
    int64_t base_row;
    float *c;
    int64_t c_row;
} ck_gemm_operands;

// The calling thread keeps a buffer for packed operands, at most 1.8 MB per thread of its team. On CK_OUT_OF_MEMORY nothing was
// written.
int32_t ck_training_gemm(const ck_gemm_operands *operands);

// MARK: optimizer, in one parallel region for all parameters
typedef struct {
    const float *data;
    int64_t count;
} ck_span;

// sums[i] = Σ x² of each span, accumulated in float32 within blocks of 4096 elements and in float64 across blocks. On
// CK_OUT_OF_MEMORY no sum was written.
int32_t ck_sums_of_squares(const ck_span *spans, int64_t count, double *sums);

// A parameter with its gradient and AdamW's moments; `keep` is 1 - rate · weight decay.
typedef struct {
    float *weight;
    const float *gradient;
    float *first, *second;
    int64_t count;
    float keep;
} ck_adamw_span;

// The constants of one step; `scale` multiplies the gradient (clipping).
typedef struct {
    float scale, beta1, beta2, epsilon;
    float rate;        // learning rate / bias correction of the first moment
    float correction;  // 1 / √(bias correction of the second moment)
} ck_adamw_constants;

// On CK_OUT_OF_MEMORY nothing was changed.
int32_t ck_adamw(const ck_adamw_span *spans, int64_t count, const ck_adamw_constants *constants);

#ifdef __cplusplus
}
#endif
#endif
