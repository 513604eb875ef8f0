// Packing of weights into panels of 16 outputs, and unpacking.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "../Isa/Isa.h"
#include "../Threads/Parallel.h"
#include "Bfloat16.h"

using namespace ck;

namespace {

// The index of a panel's element at output `lane` and input k.
int64_t index_of(int64_t panel, int64_t lane, int64_t k, int64_t in, int32_t format) {
    if (format != CK_INT8) return (panel * in + k) * CK_PANEL + lane;
    return ((panel * ((in + 3) / 4) + k / 4) * CK_PANEL + lane) * 4 + k % 4;
}

int64_t size_of(int32_t format) { return format == CK_F32 ? 4 : format == CK_BF16 ? 2 : 1; }

int64_t whole_lines(int64_t bytes) { return (bytes + 63) / 64 * 64; }

int64_t data_bytes(int64_t out, int64_t in, int32_t format) {
    const int64_t rows = format == CK_INT8 ? (in + 3) / 4 * 4 : in;
    return whole_lines(panels(out) * rows * CK_PANEL * size_of(format));
}

}  // namespace

int64_t ck_packed_bytes(int64_t out, int64_t in, int32_t format) {
    const int64_t scales = format == CK_INT8 ? panels(out) * groups(in) * CK_PANEL * 4 : 0;
    return data_bytes(out, in, format) + scales;
}

ck_weight ck_pack(const float *w, int64_t out, int64_t in, int32_t format, void *storage) {
    char *data = static_cast<char *>(storage);
    float *scales = reinterpret_cast<float *>(data + data_bytes(out, in, format));
    in_parallel(panels(out), double(out) * double(in), [&](int64_t first, int64_t last) {
        for (int64_t panel = first; panel < last; panel++) {
            for (int64_t from = 0; from < in; from += CK_INT8_GROUP) {
                const int64_t to = std::min<int64_t>(in, from + CK_INT8_GROUP);
                for (int64_t lane = 0; lane < CK_PANEL; lane++) {
                    const int64_t row = panel * CK_PANEL + lane;
                    const auto value = [&](int64_t k) { return row < out ? w[row * in + k] : 0.0f; };
                    float largest = 0;
                    if (format == CK_INT8)
                        for (int64_t k = from; k < to; k++) largest = std::max(largest, std::fabs(value(k)));
                    const float scale = largest / 127, inverse = largest > 0 ? 127 / largest : 0;
                    if (format == CK_INT8)
                        scales[(panel * groups(in) + from / CK_INT8_GROUP) * CK_PANEL + lane] = scale;
                    for (int64_t k = from; k < to; k++) {
                        const int64_t at = index_of(panel, lane, k, in, format);
                        switch (format) {
                            case CK_BF16: reinterpret_cast<uint16_t *>(data)[at] = to_bfloat16(value(k)); break;
                            case CK_INT8:
                                reinterpret_cast<uint8_t *>(data)[at] =
                                    static_cast<uint8_t>(std::lrintf(value(k) * inverse) + 128);
                                break;
                            default: reinterpret_cast<float *>(data)[at] = value(k);
                        }
                    }
                }
            }
        }
    });
    return {storage, format == CK_INT8 ? scales : nullptr, out, in, format};
}

void ck_unpack_row(const ck_weight *w, int64_t index, float *row) {
    const int64_t panel = index / CK_PANEL, lane = index % CK_PANEL;
    for (int64_t k = 0; k < w->in; k++) {
        const int64_t at = index_of(panel, lane, k, w->in, w->format);
        switch (w->format) {
            case CK_BF16: row[k] = from_bfloat16(static_cast<const uint16_t *>(w->data)[at]); break;
            case CK_INT8:
                row[k] = static_cast<float>(static_cast<const uint8_t *>(w->data)[at] - 128) *
                         w->scales[(panel * groups(w->in) + k / CK_INT8_GROUP) * CK_PANEL + lane];
                break;
            default: row[k] = static_cast<const float *>(w->data)[at];
        }
    }
}
