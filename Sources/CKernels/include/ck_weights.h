// Packed weights for decoding.
#ifndef CK_WEIGHTS_H
#define CK_WEIGHTS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Formats of packed weights. f32 and bf16 are multiplied and accumulated in float32. int8 has one scale per output and group of
// CK_INT8_GROUP inputs; input rows are quantized in the same way, a group is summed exactly in integers, and groups in float32.
enum { CK_F32 = 0, CK_BF16 = 1, CK_INT8 = 2 };
enum { CK_PANEL = 16, CK_GROUP = 256, CK_INT8_GROUP = 64 };

// A matrix [out, in] in panels of 16 outputs, each [in, 16], so that a GEMM needs no horizontal sums and reads weights
// sequentially; for int8, weight + 128 as [ceil(in / 4), 16, 4]. The last panel is zero-padded.
typedef struct {
    const void *data;
    const float *scales;  // int8: [panels, ceil(in / CK_INT8_GROUP), 16]
    int64_t out, in;
    int32_t format;
} ck_weight;

// Storage size of a packed matrix in bytes, a multiple of 64.
int64_t ck_packed_bytes(int64_t out, int64_t in, int32_t format);
// Packs a row-major matrix w [out, in] into `storage` (64-byte aligned).
ck_weight ck_pack(const float *w, int64_t out, int64_t in, int32_t format, void *storage);
// Row `index` of the matrix as float32 [in].
void ck_unpack_row(const ck_weight *w, int64_t index, float *row);

// Element types of weights in files.
enum { CK_STORED_F32 = 0, CK_STORED_F16 = 1, CK_STORED_BF16 = 2, CK_STORED_F64 = 3 };
// Converts `count` elements of a type (any alignment) to float32; exact, except that float64 is rounded to nearest even.
void ck_expand(const void *from, int32_t type, int64_t count, float *to);
// Converts `count` float32 numbers to an element type (any alignment), rounding to nearest even as in IEEE 754: values beyond
// float16's range become infinite, NaN stays NaN.
void ck_narrow(const float *from, int64_t count, int32_t type, void *to);

#ifdef __cplusplus
}
#endif
#endif
