// Row-invariant kernels for decoding.
//
// The contract: a row's result is bitwise independent of the number of rows in the pass, its index among them, the other rows,
// the number of threads and the slots of its sequence's keys and values. Every output is one sum in a fixed order, computed by
// one thread. So a position's logits are equal in a pass of 1 and of k + 1 tokens, and the output of speculative decoding equals
// that of next-token decoding by construction.
#ifndef CK_DECODE_H
#define CK_DECODE_H

#include <stdint.h>

#include "ck_threads.h"
#include "ck_weights.h"

#ifdef __cplusplus
extern "C" {
#endif

// A Llama block. Biases, and the norms [head_dim] of queries and keys, are NULL if absent; gate, up and down have all three biases
// or none. With a window, a row attends to at most `window` positions, its own included; 0 is none.
typedef struct {
    const float *attention_norm;
    ck_weight query, key, value, output;
    const float *query_bias, *key_bias, *value_bias, *output_bias;
    const float *query_norm, *key_norm;
    const float *feed_forward_norm;
    ck_weight gate, up, down;
    const float *gate_bias, *up_bias, *down_bias;
    int64_t window;
} ck_block;

// Dimensions and tables shared by all blocks of a model. The rotary tables are [positions, head_dim / 2]; as in Hugging Face's
// Llama, rope pairs the elements i and i + head_dim / 2 of a head.
typedef struct {
    int64_t width, attention_heads, kv_heads, head_dim;
    float epsilon;
    const float *cosine, *sine;
} ck_shape;

// Attention metadata of a row. A sequence's cache is a table of page numbers, layer_stride of them per layer; a page has CK_PANEL
// slots. The row's key and value are written to `slot`. The row attends to the slots 0 ..< prefix, then to `ancestors` (slots of
// uncommitted tokens, the path from the root of a tree), then to its own slot. This is the order of positions, and of summation,
// whatever the slots are.
typedef struct {
    const int32_t *pages;
    int64_t layer_stride, slot, position, prefix;
    const int32_t *ancestors;
    int64_t ancestor_count;
} ck_row;

// Floats of one page: keys [kv_heads, head_dim, 16], values [kv_heads, 16, head_dim rounded up to 16].
int64_t ck_page_floats(const ck_shape *shape);

enum { CK_BLOCK = 0, CK_GEMM = 1 };
typedef struct {
    int32_t kind;
    int64_t rows;
    const float *x;  // [rows, in]
    float *y;        // [outputs, out] of a block, [rows, out] of a GEMM; y may be x's last rows
    // CK_BLOCK: all rows are written to the cache, the last `outputs` rows are written to y.
    const ck_block *block;
    int64_t layer;
    const ck_row *row_table;
    int64_t outputs;
    // CK_GEMM: x · weightᵀ, or (rmsnorm(x) · norm) · weightᵀ if `norm` is not NULL.
    const ck_weight *weight;
    const float *norm;
} ck_op;

// Runs the operations in order in one parallel region, after allocating all working memory. `page_memory` holds the pages'
// addresses, indexed by page number. Returns CK_OUT_OF_MEMORY without having run anything.
int32_t ck_run(const ck_shape *shape, float *const *page_memory, const ck_op *ops, int32_t count);

// Reads x sequentially, split over the threads, to measure memory bandwidth. For benchmarks.
void ck_read(const float *x, int64_t n);

#ifdef __cplusplus
}
#endif
#endif
