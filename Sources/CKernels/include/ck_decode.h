// Row-invariant kernels for decoding.
//
// The contract: in a pass over any number of rows, a row's result is bitwise the same whatever the number of rows, its
// place among them, its neighbours, the number of threads or the slots that its sequence's keys and values lie in. Every
// output is one sum in a fixed order, done by one thread. So a position's logits are equal in a pass of 1 and of k + 1
// tokens, and speculative output equals next-token output by construction.
#ifndef CK_DECODE_H
#define CK_DECODE_H

#include <stdint.h>

#include "ck_threads.h"
#include "ck_weights.h"

#ifdef __cplusplus
extern "C" {
#endif

// One Llama block. Biases and the norms of each query and each key [head_dim] are NULL where it has none.
typedef struct {
    const float *attention_norm;
    ck_weight query, key, value, output;
    const float *query_bias, *key_bias, *value_bias, *output_bias;
    const float *query_norm, *key_norm;
    const float *feed_forward_norm;
    ck_weight gate, up, down;
} ck_block;

// What all blocks of a model share. The rotary tables are [positions, head_dim / 2], in Hugging Face's form: the first
// half of a head is rotated against its second half.
typedef struct {
    int64_t width, attention_heads, kv_heads, head_dim;
    float epsilon;
    const float *cosine, *sine;
} ck_shape;

// The attention metadata of a row. A sequence's cache is a table of page numbers, layer_stride of them for each layer; a page
// has CK_PANEL slots. The row's key and value are written to `slot`. It attends to the slots 0 ..< prefix, then to
// `ancestors` (slots of tokens that are not committed, the path from the root of a tree), then to its own, in this order,
// which is that of the positions: sums run in it, whatever the slots are.
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
    // CK_BLOCK: all rows enter the cache, the last `outputs` come out.
    const ck_block *block;
    int64_t layer;
    const ck_row *row_table;
    int64_t outputs;
    // CK_GEMM: x · weightᵀ, of rmsnorm(x) · norm if `norm` is not NULL.
    const ck_weight *weight;
    const float *norm;
} ck_op;

// Runs the operations one after another in one parallel region; what the threads need is allocated before.
// `page_memory`: the address of every page by its number. CK_OUT_OF_MEMORY: nothing was run.
int32_t ck_run(const ck_shape *shape, float *const *page_memory, const ck_op *ops, int32_t count);

// Reads all of x in order on every thread: what memory can give. For benchmarks.
void ck_read(const float *x, int64_t n);

#ifdef __cplusplus
}
#endif
#endif
