// The table of training kernels of one instruction set: ranges of work that one thread does, all float32 and contiguous.
#pragma once

#include <cstdint>

namespace ct::training {

// AdamW's constants of one step; `scale` multiplies the gradient (clipping).
struct AdamW {
    float scale, beta1, beta2, epsilon;
    float rate;        // over the bias correction of the first mean
    float correction;  // 1 / √(bias correction of the second mean)
};

// Queries, outputs and their gradients [batch, time, heads, dim], keys and values [batch, time, kv_heads, dim]; `dim` is a
// multiple of 16. Rows of queries, keys, values and of their gradients may lie apart: those of one product stand side by side.
struct Attention {
    int64_t time, heads, kv_heads, dim;
    int64_t q_row, k_row;  // from one position to the next, of q and dq; of k, v, dk and dv
    const float *q, *k, *v;
    float *out;
    float *lse;        // log Σ exp of each query's scores, [batch, heads, time]
    const bool *mask;  // [batch, time, time], true where a query may look; null: everywhere
    bool causal;
    float scale;
    // Backward only.
    const float *dout;
    float *dq, *dk, *dv;

    // Floats of working memory for one thread.
    int64_t scratch() const { return (2 * dim + 64) * ((time + 15) / 16 * 16); }
};

// c [m, n] = base + a [m, k] · b [k, n]: each number of a and b lies a row's and a column's stride from the next, one of which
// is 1. `base`, none if null, may be c.
struct Multiplication {
    int64_t m, n, k;
    const float *a;
    int64_t a_row, a_column;
    const float *b;
    int64_t b_row, b_column;
    const float *base;
    int64_t base_row;
    float *c;
    int64_t c_row;
};

// A chunk of logits [rows, vocabulary] on their way to a gradient; see ct_fused_cross_entropy.
struct SoftmaxChunk {
    float *logits;
    int64_t vocabulary;
    const int64_t *targets;      // [rows, count]
    const float *probabilities;  // [rows, count]; null: all 1
    int64_t count;
    float scale;
    double *losses;  // [rows]
};

struct Isa {
    // y = x · inverse · weight with inverse = 1 / √(mean(x²) + eps) of each row.
    void (*norm)(
        const float *x, int64_t rows, int64_t width, const float *weight, float eps, float *y, float *inverse);
    // The same from the stored inverse.
    void (*norm_again)(
        const float *x, const float *inverse, int64_t rows, int64_t width, const float *weight, float *y);
    // dx = residual (none if null) + the norm's gradient for dy; dweight += Σ rows. dx may be dy.
    void (*norm_backward)(
        const float *x, const float *inverse, int64_t rows, int64_t width, const float *weight, const float *dy,
        const float *residual, float *dx, float *dweight);
    // y [rows, width] = gate · sigmoid(gate) · up, with gate and up side by side in `both` [rows, 2 · width].
    void (*gated)(const float *both, int64_t rows, int64_t width, float *y);
    // The gradients for dy, and the product once more; dboth and y may be both and dy.
    void (*gated_backward)(
        const float *both, const float *dy, int64_t rows, int64_t width, float *dboth, float *y);
    // Turns in place the first `heads` heads of the rows first ..< last, `stride` apart, by the angles of position
    // r % positions; tables [positions, dim / 2], first half of a head against its second half. `sign` -1 turns back.
    void (*rotate)(
        float *x, int64_t stride, int64_t first, int64_t last, int64_t heads, int64_t dim, int64_t positions,
        const float *cosine, const float *sine, float sign);
    double (*squares)(const float *x, int64_t count);
    // `keep` is 1 - rate · decay.
    void (*adamw)(
        float *weight, const float *gradient, float *first, float *second, int64_t count, float keep, const AdamW &a);
    // Task t is key and value head t % kv_heads of sequence t / kv_heads, with the query heads that share it.
    void (*attention)(const Attention &a, int64_t first, int64_t last, float *scratch);
    void (*attention_backward)(const Attention &a, int64_t first, int64_t last, float *scratch);
    // Rows first ..< last: logits become scale · gradient, losses[r] = −Σ_j probability_j · log softmax[target_j].
    void (*softmax_cross_entropy)(const SoftmaxChunk &chunk, int64_t first, int64_t last);
    // The whole product; `scratch` has room for multiplication_scratch floats.
    void (*multiply)(const Multiplication &p, float *scratch);
    int64_t multiplication_scratch;
};

extern const Isa portable, avx2, avx512;

// The one that ct_kernels_set_isa chose.
const Isa &isa();

}  // namespace ct::training
