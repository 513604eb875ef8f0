// The dispatch table of one instruction set. Each kernel computes a range of the work on one thread.
#pragma once

#include <cstdint>

#include "ck_isa.h"
#include "ck_training.h"
#include "ck_weights.h"

namespace ck {

// Input rows quantized to 8 bits: x ≈ values · scales, for each group of CK_INT8_GROUP inputs.
struct Rounded {
    int8_t *values;  // [rows, stride], rows zero-padded
    float *scales;   // [rows, groups]
    int32_t *sums;   // [rows, groups], sums of the values
    int64_t stride;
};

// y [rows, out] = residual + x · wᵀ, or with `up`: silu(x · wᵀ) · (x · upᵀ).
struct DecodeGemm {
    const ck_weight *w;
    const ck_weight *up;  // or null
    const float *x;
    int64_t x_stride, rows;
    float *y;
    int64_t y_stride;
    const float *residual;             // or null; [rows, y_stride]
    const Rounded *rounded = nullptr;  // x for int8 weights
};

// The slots that a row attends to in one layer, in logical order: 0 ..< prefix, the ancestors, its own slot.
struct DecodeContext {
    float *const *page_memory;
    const int32_t *pages;  // of the layer
    int64_t keys, values;  // offsets of a key/value head's keys and values in a page
    int64_t prefix;
    const int32_t *ancestors;
    int64_t ancestor_count, slot;
    int64_t first;  // indices below are not attended to

    int64_t length() const { return prefix + ancestor_count + 1; }
    int64_t slot_of(int64_t index) const {
        if (index < prefix) return index;
        return index - prefix < ancestor_count ? ancestors[index - prefix] : slot;
    }
    const float *page(int64_t index) const { return page_memory[pages[index]]; }
};

// Training kernels. Rows are contiguous unless a stride is given; see ck_training.h for the arguments.
struct TrainingKernels {
    void (*norm)(
        const float *x, int64_t rows, int64_t width, const float *weight, float epsilon, float *y, float *inverse);
    void (*norm_recompute)(
        const float *x, const float *inverse, int64_t rows, int64_t width, const float *weight, float *y);
    // dweight [width] += Σ rows.
    void (*norm_backward)(
        const float *x, const float *inverse, int64_t rows, int64_t width, const float *weight, const float *dy,
        const float *residual, float *dx, float *dweight);
    void (*swiglu)(const float *gate_up, int64_t rows, int64_t width, float *y);
    void (*swiglu_backward)(
        const float *gate_up, const float *dy, int64_t rows, int64_t width, float *dgate_up, float *y);
    double (*squares)(const float *x, int64_t count);
    void (*adamw)(
        float *weight, const float *gradient, float *first, float *second, int64_t count, float keep,
        const ck_adamw_constants &constants);
    // Task t is key/value head t % kv_heads of sequence t / kv_heads and the attention heads that share it.
    void (*attention)(const ck_attention &a, int64_t first, int64_t last, float *scratch);
    void (*attention_backward)(const ck_attention &a, int64_t first, int64_t last, float *scratch);
    // Rows first ..< last.
    void (*softmax_cross_entropy)(const ck_logits_chunk &chunk, int64_t first, int64_t last);
    // Runs on one thread; `scratch` has room for gemm_scratch floats.
    void (*gemm)(const ck_gemm_operands &operands, float *scratch);
    int64_t gemm_scratch;
};

struct Isa {
    int32_t id;  // CK_PORTABLE ...

    // Panels first ..< last. An output is the sum over groups of CK_GROUP inputs, each summed in order.
    void (*decode_gemm)(const DecodeGemm &a, int64_t first, int64_t last);
    // Quantizes rows of `in` elements with stride x_stride.
    void (*round_rows)(const float *x, int64_t x_stride, int64_t rows, int64_t in, const Rounded &out);
    // Rows of x have stride `width`, rows of y stride y_stride. Unlike in the training kernel, the tail of a row is summed last.
    void (*decode_norm)(
        const float *x, int64_t rows, int64_t width, const float *weight, float epsilon, float *y, int64_t y_stride);
    // One query head [head_dim] of a row; `scores` has room for the context's length + 64 floats.
    void (*decode_attention)(
        const float *q, int64_t head_dim, const DecodeContext &context, float scale, float *scores, float *out);
    // Rows first ..< last; see ck_rope. Used in decoding and training.
    void (*rope)(
        float *x, int64_t stride, int64_t first, int64_t last, int64_t heads, int64_t head_dim, int64_t positions,
        const float *cosine, const float *sine, float sign);
    // See ck_expand and ck_narrow.
    void (*expand)(const void *from, int32_t type, int64_t count, float *to);
    void (*narrow)(const float *from, int64_t count, int32_t type, void *to);
    // Returns the sum, so that the compiler does not remove the reads.
    float (*read)(const float *x, int64_t n);

    const TrainingKernels &training;
};

extern const TrainingKernels portable_training, avx2_training, avx512_training;
extern const Isa portable, avx2, avx512, avx512_vnni;
// The table in use: the processor's best, or the one selected by FORETOKEN_ISA or ck_set_isa.
const Isa &isa();

inline int64_t panels(int64_t count) { return (count + CK_PANEL - 1) / CK_PANEL; }
// The number of int8 groups.
inline int64_t groups(int64_t in) { return (in + CK_INT8_GROUP - 1) / CK_INT8_GROUP; }

}  // namespace ck
