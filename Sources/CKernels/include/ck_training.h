// Kernels of a training step on float32, without autograd. Each runs in parallel by itself. Results do not depend on the
// number of threads. Sums run in other orders than those of decoding (ck_decode.h), so the two differ in the last bits.
#ifndef CK_TRAINING_H
#define CK_TRAINING_H

#include <stdbool.h>
#include <stdint.h>

#include "ck_threads.h"

#ifdef __cplusplus
extern "C" {
#endif

// MARK: RMSNorm, of contiguous rows [rows, width]
// y = x · inverse · weight with inverse [rows] = 1 / √(mean(x²) + epsilon) of each row.
void ck_rms_norm_forward(
    const float *x, int64_t rows, int64_t width, const float *weight, float epsilon, float *y, float *inverse);
// y again, from the stored inverse.
void ck_rms_norm_recompute(
    const float *x, const float *inverse, int64_t rows, int64_t width, const float *weight, float *y);
// dx = residual (nothing if NULL) + the norm's gradient for dy; dx may be dy. The weight's gradient is summed in
// ck_rms_norm_blocks(rows) blocks of rows whose bounds do not depend on the threads: it is the sum over the rows of
// `dweight` [blocks, width], to which this adds.
int64_t ck_rms_norm_blocks(int64_t rows);
void ck_rms_norm_backward(
    const float *x, const float *inverse, int64_t rows, int64_t width, const float *weight, const float *dy,
    const float *residual, float *dx, float *dweight);

// MARK: SwiGLU
// y [rows, width] = gate · sigmoid(gate) · up, with gate and up side by side in `gate_up` [rows, 2 · width].
void ck_swiglu_forward(const float *gate_up, int64_t rows, int64_t width, float *y);
// The gradients for dy, and y again; dgate_up may be gate_up, and y may be dy.
void ck_swiglu_backward(const float *gate_up, const float *dy, int64_t rows, int64_t width, float *dgate_up, float *y);

// MARK: rotary position embedding
// Rotates in place the first `heads` heads of rows that lie `stride` floats apart, row r by the angles of position
// r % positions: tables [positions, head_dim / 2], the first half of a head against its second half. `sign` -1 rotates back.
void ck_rope(
    float *x, int64_t stride, int64_t rows, int64_t heads, int64_t head_dim, int64_t positions, const float *cosine,
    const float *sine, float sign);

// MARK: attention
// Queries, outputs and their gradients [batch, time, attention_heads, head_dim], keys and values
// [batch, time, kv_heads, head_dim]; head_dim is a multiple of 16. The positions of queries, keys, values and of their
// gradients may lie apart, since one GEMM makes all three; outputs and their gradient are contiguous.
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

// Threads that the work is worth, and the floats of working memory that this number of threads needs.
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
// c [m, n] = base + a [m, k] · b [k, n]. An element of a and b lies a row's and a column's stride from the next, one of which
// is 1. `base`, nothing if NULL, may be c. A sum is split by depth into equal parts of at most 384, each in order.
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

// Keeps room for packed operands on the calling thread, at most 1.8 MB for each thread of its team. CK_OUT_OF_MEMORY: nothing
// was written.
int32_t ck_training_gemm(const ck_gemm_operands *operands);

// MARK: optimizer, in one parallel region for all parameters
typedef struct {
    const float *data;
    int64_t count;
} ck_span;

// sums[i] = Σ x² of each span, in float32 over 4096 elements and in float64 over those. CK_OUT_OF_MEMORY: no sum was written.
int32_t ck_sums_of_squares(const ck_span *spans, int64_t count, double *sums);

// A parameter with its gradient and the moments of AdamW; `keep` is 1 - rate · decay.
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
    float rate;        // over the bias correction of the first moment
    float correction;  // 1 / √(bias correction of the second moment)
} ck_adamw_constants;

// CK_OUT_OF_MEMORY: nothing was changed.
int32_t ck_adamw(const ck_adamw_span *spans, int64_t count, const ck_adamw_constants *constants);

#ifdef __cplusplus
}
#endif
#endif
