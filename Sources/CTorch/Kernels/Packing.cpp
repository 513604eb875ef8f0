// Weights into panels of 16 outputs, and back.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "Isa.h"
#include "Parallel.h"

using namespace ct::kernels;

namespace {

// Where input k of a panel's lane lies.
int64_t place_of(int64_t panel, int64_t lane, int64_t k, int64_t in, int32_t format) {
    if (format != CT_K_INT8) return (panel * in + k) * CT_K_PANEL + lane;
    return ((panel * ((in + 3) / 4) + k / 4) * CT_K_PANEL + lane) * 4 + k % 4;
}

int64_t size_of(int32_t format) { return format == CT_K_F32 ? 4 : format == CT_K_BF16 ? 2 : 1; }

int64_t rounded(int64_t bytes) { return (bytes + 63) / 64 * 64; }

int64_t data_bytes(int64_t out, int64_t in, int32_t format) {
    const int64_t rows = format == CT_K_INT8 ? (in + 3) / 4 * 4 : in;
    return rounded(panels(out) * rows * CT_K_PANEL * size_of(format));
}

// To the nearest bfloat16, ties to even; NaN stays NaN.
uint16_t to_bf16(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    if (value != value) return static_cast<uint16_t>(bits >> 16) | 0x40;
    return static_cast<uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

float from_bf16(uint16_t value) {
    const uint32_t bits = uint32_t(value) << 16;
    float result;
    std::memcpy(&result, &bits, sizeof result);
    return result;
}

}  // namespace

int64_t ct_k_packed_bytes(int64_t out, int64_t in, int32_t format) {
    const int64_t scales = format == CT_K_INT8 ? panels(out) * groups(in) * CT_K_PANEL * 4 : 0;
    return data_bytes(out, in, format) + scales;
}

ct_k_weight ct_k_pack(const float *w, int64_t out, int64_t in, int32_t format, void *storage) {
    char *data = static_cast<char *>(storage);
    float *scales = reinterpret_cast<float *>(data + data_bytes(out, in, format));
    in_parallel(panels(out), double(out) * double(in), [&](int64_t first, int64_t last) {
        for (int64_t panel = first; panel < last; panel++) {
            for (int64_t from = 0; from < in; from += CT_K_INT8_GROUP) {
                const int64_t to = std::min<int64_t>(in, from + CT_K_INT8_GROUP);
                for (int64_t lane = 0; lane < CT_K_PANEL; lane++) {
                    const int64_t row = panel * CT_K_PANEL + lane;
                    const auto value = [&](int64_t k) { return row < out ? w[row * in + k] : 0.0f; };
                    float largest = 0;
                    if (format == CT_K_INT8)
                        for (int64_t k = from; k < to; k++) largest = std::max(largest, std::fabs(value(k)));
                    const float scale = largest / 127, inverse = largest > 0 ? 127 / largest : 0;
                    if (format == CT_K_INT8)
                        scales[(panel * groups(in) + from / CT_K_INT8_GROUP) * CT_K_PANEL + lane] = scale;
                    for (int64_t k = from; k < to; k++) {
                        const int64_t place = place_of(panel, lane, k, in, format);
                        switch (format) {
                            case CT_K_BF16: reinterpret_cast<uint16_t *>(data)[place] = to_bf16(value(k)); break;
                            case CT_K_INT8:
                                reinterpret_cast<uint8_t *>(data)[place] =
                                    static_cast<uint8_t>(std::lrintf(value(k) * inverse) + 128);
                                break;
                            default: reinterpret_cast<float *>(data)[place] = value(k);
                        }
                    }
                }
            }
        }
    });
    return {storage, format == CT_K_INT8 ? scales : nullptr, out, in, format};
}

void ct_k_unpack_row(const ct_k_weight *w, int64_t index, float *row) {
    const int64_t panel = index / CT_K_PANEL, lane = index % CT_K_PANEL;
    for (int64_t k = 0; k < w->in; k++) {
        const int64_t place = place_of(panel, lane, k, w->in, w->format);
        switch (w->format) {
            case CT_K_BF16: row[k] = from_bf16(static_cast<const uint16_t *>(w->data)[place]); break;
            case CT_K_INT8:
                row[k] = static_cast<float>(static_cast<const uint8_t *>(w->data)[place] - 128) *
                         w->scales[(panel * groups(w->in) + k / CT_K_INT8_GROUP) * CT_K_PANEL + lane];
                break;
            default: row[k] = static_cast<const float *>(w->data)[place];
        }
    }
}
