// Matrices as decoding reads them.
#ifndef CK_WEIGHTS_H
#define CK_WEIGHTS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// How packed weights are held. f32 and bf16 are multiplied and summed in float32. int8 has a scale for each output and
// CK_INT8_GROUP inputs; its rows of inputs are rounded likewise, a group is summed exactly in integers, groups in float32.
enum { CK_F32 = 0, CK_BF16 = 1, CK_INT8 = 2 };
enum { CK_PANEL = 16, CK_GROUP = 256, CK_INT8_GROUP = 64 };

// A matrix [out, in] in panels of 16 outputs, each [in, 16], so that a GEMM needs no sums over lanes and reads weights in
// one stream; int8, as weight + 128, [ceil(in / 4), 16, 4]. The last panel is filled up with zeros.
typedef struct {
    const void *data;
    const float *scales;  // int8: [panels, ceil(in / CK_INT8_GROUP), 16]
    int64_t out, in;
    int32_t format;
} ck_weight;

// Bytes of storage, a multiple of 64, that a packed matrix takes.
int64_t ck_packed_bytes(int64_t out, int64_t in, int32_t format);
// Packs w [out, in], row-major, into `storage` (64-byte aligned).
ck_weight ck_pack(const float *w, int64_t out, int64_t in, int32_t format, void *storage);
// Row `index` of the matrix as float32 [in].
void ck_unpack_row(const ck_weight *w, int64_t index, float *row);

// Element types of weights in files.
enum { CK_STORED_F32 = 0, CK_STORED_F16 = 1, CK_STORED_BF16 = 2, CK_STORED_F64 = 3 };
// `count` numbers of an element type (of any alignment) as float32; exact but for float64, which is rounded to nearest even.
void ck_expand(const void *from, int32_t type, int64_t count, float *to);
// `count` float32 numbers rounded to nearest even in an element type (of any alignment), as IEEE 754 says: what is beyond
// float16's range becomes infinite, NaN stays NaN.
void ck_narrow(const float *from, int64_t count, int32_t type, void *to);

#ifdef __cplusplus
}
#endif
#endif
