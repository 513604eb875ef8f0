// Decoding passes by ATen on any device, CUDA first of all.
//
// A row's result can depend in its last bits on how many others there are; with `tile` > 0 GEMMs and attention run on
// tiles of so many rows, padded, and over all slots of a context, so that it does not as far as the device's library treats
// the rows of a GEMM alike.
#ifndef CT_DECODE_H
#define CT_DECODE_H

#include "ct_tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CT_DECODE_SLOTS_PER_PAGE = 16 };

// As ck_block, with matrices [out, in] on the device in the decoder's element type; vectors are read on the host and copied
// to the device at first use, so they stay where they are as long as the decoder lives.
typedef struct {
    const float *attention_norm;
    ct_tensor query, key, value, output;
    const float *query_bias, *key_bias, *value_bias, *output_bias;
    const float *query_norm, *key_norm;
    const float *feed_forward_norm;
    ct_tensor gate, up, down;
} ct_decode_block;

// As ck_shape; the rotary tables have `positions` rows.
typedef struct {
    int64_t width, attention_heads, kv_heads, head_dim;
    float epsilon;
    const float *cosine, *sine;
    int64_t positions;
} ct_decode_shape;

// The attention metadata of a row: it attends to the slots 0 ... slot of its sequence, whose pages these are.
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

// A device, and what the passes of one model share there. `with_graphs`: on CUDA a pass is captured as a graph when one like
// it comes a second time, and from then on launched as a whole. LibTorch's graphs are found by symbol name (CudaGraph.h) and
// no GPU has run them yet: callers ask for them.
typedef struct ct_decoder_s *ct_decoder;
ct_decoder ct_decoder_new(ct_device device, int32_t dtype, int64_t tile, bool with_graphs, ct_decode_shape shape);
void ct_decoder_release(ct_decoder decoder);

// Memory for keys and values of all sequences of an engine, by page number from 0 on.
typedef struct ct_decode_cache_s *ct_decode_cache;
int64_t ct_decode_page_bytes(ct_decoder decoder);
ct_decode_cache ct_decode_cache_new(ct_decoder decoder);
void ct_decode_cache_release(ct_decode_cache cache);
// Adds `count` pages of zeros.
int32_t ct_decode_cache_grow(ct_decode_cache cache, int64_t count);
int32_t ct_decode_cache_copy(ct_decode_cache cache, int32_t from, int32_t to);
int32_t ct_decode_cache_clear(ct_decode_cache cache, const int32_t *pages, int64_t count);

// ck_run there.
int32_t ct_decode_run(ct_decoder decoder, ct_decode_cache cache, const ct_decode_op *ops, int32_t count);

// For tests without a GPU: passes are recorded on any device, and run again operation by operation from what was recorded.
void ct_decoder_replay_operations(ct_decoder decoder);
// How many passes ran from a recording.
int64_t ct_decoder_replays(ct_decoder decoder);

#ifdef __cplusplus
}
#endif
#endif
