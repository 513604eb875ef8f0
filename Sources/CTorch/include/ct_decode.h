// Decoding passes with ATen's operators on any device, CUDA in particular.
//
// The last bits of a row can depend on the number of rows in the pass. With `tile` > 0, GEMM and attention run on tiles padded to
// this number of rows, and attention covers all slots of a context; this removes the dependency as far as the device's GEMM
// treats all rows alike.
#ifndef CT_DECODE_H
#define CT_DECODE_H

#include "ct_tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CT_DECODE_SLOTS_PER_PAGE = 16 };

// As ck_block, with matrices [out, in] on the device in the decoder's element type. Vectors are on the host and copied to the
// device at first use; they must stay valid and at the same address while the decoder lives.
typedef struct {
    const float *attention_norm;
    ct_tensor query, key, value, output;
    const float *query_bias, *key_bias, *value_bias, *output_bias;
    const float *query_norm, *key_norm;
    const float *feed_forward_norm;
    ct_tensor gate, up, down;
    const float *gate_bias, *up_bias, *down_bias;
    bool has_window;  // attends to the last ct_decode_shape::window slots only
} ct_decode_block;

// As ck_shape; the rotary tables have `positions` rows.
typedef struct {
    int64_t width, attention_heads, kv_heads, head_dim;
    float epsilon;
    const float *cosine, *sine;
    int64_t positions;
    int64_t window;  // of the blocks that have one; 0 if none has
} ct_decode_shape;

// The attention metadata of a row: it attends to the slots 0 ... slot of its sequence, stored in `pages`, in blocks with
// a window to the last of them.
typedef struct {
    const int32_t *pages;
    int64_t layer_stride, slot, position;
} ct_decode_row;

enum { CT_DECODE_BLOCK = 0, CT_DECODE_GEMM = 1 };
// As ck_op.
typedef struct {
    int32_t kind;
    int64_t rows;
    const float *x;
    float *y;
    const ct_decode_block *block;
    int64_t layer;
    const ct_decode_row *row_table;
    int64_t outputs;
    ct_tensor weight;
    const float *norm;
} ct_decode_op;

// A model's decoder on a device. `with_graphs`: on CUDA, captures a pass as a graph at its second occurrence and replays it from
// then on. LibTorch's graphs are looked up by symbol name (CudaGraph.h) and untested on a GPU, so they are opt-in.
typedef struct ct_decoder_s *ct_decoder;
ct_decoder ct_decoder_new(ct_device device, int32_t dtype, int64_t tile, bool with_graphs, ct_decode_shape shape);
void ct_decoder_release(ct_decoder decoder);

// The KV cache of all sequences of an engine, as pages numbered from 0.
typedef struct ct_decode_cache_s *ct_decode_cache;
int64_t ct_decode_page_bytes(ct_decoder decoder);
ct_decode_cache ct_decode_cache_new(ct_decoder decoder);
void ct_decode_cache_release(ct_decode_cache cache);
// Adds `count` pages of zeros.
int32_t ct_decode_cache_grow(ct_decode_cache cache, int64_t count);
int32_t ct_decode_cache_copy(ct_decode_cache cache, int32_t from, int32_t to);
int32_t ct_decode_cache_clear(ct_decode_cache cache, const int32_t *pages, int64_t count);

// Runs the operations of a pass, as ck_run does on the CPU.
int32_t ct_decode_run(ct_decoder decoder, ct_decode_cache cache, const ct_decode_op *ops, int32_t count);

// For tests without a GPU: records passes on any device and replays them operation by operation.
void ct_decoder_replay_operations(ct_decoder decoder);
// The number of passes run from a recording.
int64_t ct_decoder_replays(ct_decoder decoder);

#ifdef __cplusplus
}
#endif
#endif
