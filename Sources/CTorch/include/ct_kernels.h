// Row-invariant CPU kernels for decoding.
//
// The contract: in a pass over any number of rows, a row's result is bitwise the same whatever the number of rows, its
// place among them, its neighbours, the number of threads or the place of its cache. Every output is one sum in a fixed
// order, done by one thread. So a position's logits are equal in a pass of 1 and of k + 1 tokens, and speculative output
// equals plain output by construction.
#ifndef CT_KERNELS_H
#define CT_KERNELS_H

#include <stdint.h>

#include "ct_tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

// Threads of LibTorch's OpenMP pool to use; ct_set_threads sets it too.
void ct_kernels_set_threads(int32_t threads);
// Instruction sets of the kernels: 0 portable, 1 avx2 (with FMA), 2 avx512, 3 avx512vnni (with its integer dot products).
// The environment variable FORETOKEN_ISA names the one to use; otherwise it is the best that the processor has.
// Sets it, at most to the processor's best, or with -1 back to that choice. Returns the one in force. For tests.
int32_t ct_kernels_set_isa(int32_t isa);
// The one in force.
int32_t ct_kernels_isa(void);
// Its name in FORETOKEN_ISA; NULL for a number that is none.
const char *ct_kernels_isa_name(int32_t isa);

// MARK: weights

// How weights are held. f32 and bf16 are multiplied and summed in float32. int8 has a scale for each output and
// CT_K_INT8_GROUP inputs; its rows of inputs are rounded likewise, a group is summed exactly in integers, and groups in float32.
enum { CT_K_F32 = 0, CT_K_BF16 = 1, CT_K_INT8 = 2 };
enum { CT_K_PANEL = 16, CT_K_GROUP = 256, CT_K_INT8_GROUP = 64 };

// A matrix [out, in] in panels of 16 outputs, each [in, 16], so that a product needs no sums over lanes and reads weights
// in one stream; int8, as weight + 128, [ceil(in / 4), 16, 4]. The last panel is filled up with zeros.
typedef struct {
    const void *data;
    const float *scales;  // int8: [panels, ceil(in / CT_K_INT8_GROUP), 16]
    int64_t out, in;
    int32_t format;
} ct_k_weight;

// Bytes of storage, a multiple of 64, that a packed matrix takes.
int64_t ct_k_packed_bytes(int64_t out, int64_t in, int32_t format);
// Packs w [out, in], row-major, into `storage` (64-byte aligned).
ct_k_weight ct_k_pack(const float *w, int64_t out, int64_t in, int32_t format, void *storage);
// Row `index` of the matrix as float32 [in].
void ct_k_unpack_row(const ct_k_weight *w, int64_t index, float *row);

// MARK: passes

// Where passes run if not by the kernels of the CPU; see the end of this file.
typedef struct ct_k_device_s *ct_k_device;

// One Llama block. Biases and the norms of each query and each key [head_dim] are NULL where it has none.
typedef struct {
    const float *attention_norm;
    ct_k_weight query, key, value, output;
    const float *query_bias, *key_bias, *value_bias, *output_bias;
    const float *query_norm, *key_norm;
    const float *feed_forward_norm;
    ct_k_weight gate, up, down;
} ct_k_block;

// What all blocks of a model share. The rotary tables are [positions, head_dim / 2], in Hugging Face's form: the first
// half of a head is turned against its second half.
typedef struct {
    int64_t width, heads, kv_heads, head_dim;
    float epsilon;
    const float *cosine, *sine;
    int64_t positions;
    ct_k_device device;  // NULL: the CPU's kernels
} ct_k_shape;

// Where a row stands. A sequence's cache is a table of pages of 16 slots, layer_stride pages for each layer; the row's key
// and value go to `slot` and it attends to the slots 0 ... slot.
typedef struct {
    float *const *pages;
    int64_t layer_stride, slot, position;
} ct_k_row;

// Floats of one page: keys [kv_heads, head_dim, 16], values [kv_heads, 16, head_dim rounded up to 16].
int64_t ct_k_page_floats(const ct_k_shape *shape);

enum { CT_K_BLOCK = 0, CT_K_PRODUCT = 1 };
typedef struct {
    int32_t kind;
    int64_t rows;
    const float *x;  // [rows, in]
    float *y;        // [outputs, out] of a block, [rows, out] of a product; y may be x's last rows
    // CT_K_BLOCK: all rows enter the cache, the last `outputs` come out.
    const ct_k_block *block;
    int64_t layer;
    const ct_k_row *places;
    int64_t outputs;
    // CT_K_PRODUCT: x · weightᵀ, of rmsnorm(x) · norm if `norm` is not NULL.
    const ct_k_weight *weight;
    const float *norm;
} ct_k_op;

// Runs the operations one after another in one parallel region; what the threads need is allocated before.
int32_t ct_k_run(const ct_k_shape *shape, const ct_k_op *ops, int32_t count);

// Reads all of x in order on every thread: what memory can give. For benchmarks.
void ct_k_read(const float *x, int64_t n);

// MARK: the choice of a token

// The first index of the largest value; -1 if there is a NaN.
int64_t ct_k_argmax(const float *x, int64_t n);

// Sets to -infinity what a sampler leaves out of softmax(x / temperature): first all less likely than min_p times the
// likeliest, then all but the top_k likeliest (0: all), then all but the fewest likeliest that hold top_p of what is left.
// Ties at an edge go to the lower index. Returns how many stay; -1 if there is a NaN, -2 (see ct_last_error) if there is no
// memory, with x as it was.
int64_t ct_k_filter(float *x, int64_t n, double temperature, int64_t top_k, double top_p, double min_p);

// Gumbel noise, a pure function of its arguments: -log(-log(u)), u uniform in (0, 1).
double ct_k_gumbel(uint64_t seed, uint64_t position, uint64_t token);

// argmax over v of x[v] / temperature + gumbel(seed, position, v): a sample of softmax(x / temperature); -1 for a NaN.
int64_t ct_k_gumbel_argmax(const float *x, int64_t n, double temperature, uint64_t seed, uint64_t position);

// MARK: passes on another device

// Weights are then handles (ct_tensor) of matrices [out, in] on the device, in `dtype` (float32 or bfloat16), and what else
// is read is copied there at first use. A row's result can depend in its last bits on how many others there are; with
// `tile` > 0 products and attention run on tiles of so many rows, filled up, and over all slots of a context, so that it
// does not as far as the device's library treats the rows of a product alike.
// `with_graphs`: on CUDA a pass is captured as a graph when one like it comes a second time, and from then on launched as a
// whole. LibTorch's graphs are found by symbol name (CudaGraph.h) and no GPU has run them yet: callers ask for them.
ct_k_device ct_k_device_new(ct_device device, int32_t dtype, int64_t tile, bool with_graphs);
void ct_k_device_release(ct_k_device device);
// ct_k_run there.
int32_t ct_k_run_on_device(const ct_k_shape *shape, const ct_k_op *ops, int32_t count);

// For tests without a GPU: passes are recorded on any device, and run again operation by operation from what was recorded.
void ct_k_device_replay_operations(ct_k_device device);
// How many passes ran from a recording.
int64_t ct_k_device_replays(ct_k_device device);

// Memory for keys and values on a device. A page's address is a name that only these functions and passes understand.
typedef struct ct_k_pages_s *ct_k_pages;
int64_t ct_k_device_page_bytes(const ct_k_shape *shape);
ct_k_pages ct_k_pages_new(void);
void ct_k_pages_release(ct_k_pages pages);
// Adds `count` pages of zeros.
int32_t ct_k_pages_grow(ct_k_pages pages, const ct_k_shape *shape, int64_t count, float **added);
int32_t ct_k_pages_copy(const float *from, float *to);
int32_t ct_k_pages_clear(float *const *pages, int64_t count);

#ifdef __cplusplus
}
#endif
#endif
