// The decoding GEMM: few input rows times packed weights, which are read once. Included by each instruction set's file.
//
// Row invariance: an output is the sum over groups of CK_GROUP inputs, each group summed in order in one accumulator, whatever
// other outputs and rows are computed along with it. TrainingGemm.h sums in another order.

// Vectors per 16 columns of a panel.
constexpr int kParts = CK_PANEL / LANES;

template <int FORMAT>
INLINE Vector weights(const void *panel, int64_t index) {
    if constexpr (FORMAT == CK_F32) {
        return load(static_cast<const float *>(panel) + index);
    } else {
        const Halves bits = *reinterpret_cast<const Halves *>(static_cast<const uint16_t *>(panel) + index);
        const Ints wide = __builtin_convertvector(bits, Ints) << 16;
        Vector v;
        __builtin_memcpy(&v, &wide, sizeof v);
        return v;
    }
}

constexpr int64_t bytes_of_panel_row(int format) {
    return CK_PANEL * (format == CK_F32 ? 4 : format == CK_BF16 ? 2 : 1);
}

// One panel of a matrix.
struct Panel {
    const void *data;
    const float *scales;
};

INLINE Panel panel_of(const ck_weight &w, int64_t index) {
    const int64_t rows = w.format == CK_INT8 ? (w.in + 3) / 4 * 4 : w.in;
    const char *data = static_cast<const char *>(w.data) + index * rows * bytes_of_panel_row(w.format);
    return {data, w.scales == nullptr ? nullptr : w.scales + index * groups(w.in) * CK_PANEL};
}

// With many rows the computation outlasts the hardware prefetcher's distance; with few rows it is bandwidth-bound anyway.
template <int NX>
INLINE void prefetch(const void *panel, int64_t offset) {
    if constexpr (NX > (LANES == 16 ? 4 : 2)) __builtin_prefetch(static_cast<const char *>(panel) + offset + 4096, 0, 3);
}

// sums [NX, NP, 16] = NX rows of x · NP panels.
template <int FORMAT, int NP, int NX>
INLINE void tile(const Panel *panel, const float *x, int64_t stride, int64_t in, float *sums) {
    for (int64_t from = 0; from < in; from += CK_GROUP) {
        const int64_t to = std::min<int64_t>(in, from + CK_GROUP);
        Vector sum[NP * kParts * NX];
        UNROLL for (int i = 0; i < NP * kParts * NX; i++) sum[i] = Vector{};
        for (int64_t k = from; k < to; k++) {
            UNROLL for (int p = 0; p < NP; p++) {
                prefetch<NX>(panel[p].data, k * bytes_of_panel_row(FORMAT));
                UNROLL for (int v = 0; v < kParts; v++) {
                    const Vector weight = weights<FORMAT>(panel[p].data, k * CK_PANEL + v * LANES);
                    UNROLL for (int r = 0; r < NX; r++) {
                        Vector &s = sum[(p * kParts + v) * NX + r];
                        s = MULTIPLY_ADD(weight, splat(x[r * stride + k]), s);
                    }
                }
            }
        }
        UNROLL for (int p = 0; p < NP; p++) {
            UNROLL for (int v = 0; v < kParts; v++) {
                UNROLL for (int r = 0; r < NX; r++) {
                    float *out = sums + (r * NP + p) * CK_PANEL + v * LANES;
                    const Vector s = sum[(p * kParts + v) * NX + r];
                    store(out, from == 0 ? s : load(out) + s);
                }
            }
        }
    }
}

#ifndef DOT4
// sum + Σ over four pairs of weights (unsigned) and inputs (signed), per lane.
INLINE Ints dot4(Ints sum, Ints weights, Ints x) {
    UNROLL for (int lane = 0; lane < LANES; lane++) {
        uint8_t w[4];
        int8_t v[4];
        const int32_t wide = weights[lane], input = x[lane];
        __builtin_memcpy(w, &wide, 4);
        __builtin_memcpy(v, &input, 4);
        sum[lane] += w[0] * v[0] + w[1] * v[1] + w[2] * v[2] + w[3] * v[3];
    }
    return sum;
}
#define DOT4 dot4
#endif

// tile() for int8: weights are stored as weight + 128, so 128 · Σ x is subtracted from the sum of a group.
template <int NP, int NX>
INLINE void int8_tile(const Panel *panel, const Rounded &x, int64_t row, int64_t in, float *sums) {
    for (int64_t from = 0; from < in; from += CK_INT8_GROUP) {
        const int64_t to = std::min<int64_t>(in, from + CK_INT8_GROUP), group = from / CK_INT8_GROUP;
        Ints sum[NP * kParts * NX];
        UNROLL for (int i = 0; i < NP * kParts * NX; i++) sum[i] = Ints{};
        for (int64_t k = from; k < to; k += 4) {
            UNROLL for (int p = 0; p < NP; p++) {
                prefetch<NX>(panel[p].data, k * CK_PANEL);
                UNROLL for (int v = 0; v < kParts; v++) {
                    const Ints weight = *reinterpret_cast<const Ints *>(
                        static_cast<const char *>(panel[p].data) + k * CK_PANEL + v * LANES * 4);
                    UNROLL for (int r = 0; r < NX; r++) {
                        int32_t four;
                        __builtin_memcpy(&four, x.values + (row + r) * x.stride + k, 4);
                        Ints &s = sum[(p * kParts + v) * NX + r];
                        s = DOT4(s, weight, Ints{} + four);
                    }
                }
            }
        }
        UNROLL for (int p = 0; p < NP; p++) {
            UNROLL for (int v = 0; v < kParts; v++) {
                const Vector scale = load(panel[p].scales + group * CK_PANEL + v * LANES);
                UNROLL for (int r = 0; r < NX; r++) {
                    const int64_t index = (row + r) * groups(in) + group;
                    const Vector s = __builtin_convertvector(
                        sum[(p * kParts + v) * NX + r] - (Ints{} + 128 * x.sums[index]), Vector);
                    const Vector value = s * (scale * splat(x.scales[index]));
                    float *out = sums + (r * NP + p) * CK_PANEL + v * LANES;
                    store(out, from == 0 ? value : load(out) + value);
                }
            }
        }
    }
}

void round_rows(const float *x, int64_t x_stride, int64_t rows, int64_t in, const Rounded &out) {
    const Vector magic = splat(12582912.0f);  // 1.5 · 2^23: adding it rounds to an integer
    for (int64_t r = 0; r < rows; r++) {
        const float *row = x + r * x_stride;
        int8_t *values = out.values + r * out.stride;
        for (int64_t from = 0; from < in; from += CK_INT8_GROUP) {
            const int64_t to = std::min<int64_t>(in, from + CK_INT8_GROUP);
            // Magnitudes compare like their bits; NaN is the largest and makes the scale NaN.
            Ints largest = {};
            for (int64_t k = from; k < to; k += LANES) {
                const Vector v = to - k >= LANES ? load(row + k) : load_some(row + k, to - k);
                const Ints magnitude = reinterpret_cast<const Ints &>(v) & 0x7FFFFFFF;
                largest = magnitude > largest ? magnitude : largest;
            }
            const int32_t bits = __builtin_reduce_max(largest);
            float peak;
            __builtin_memcpy(&peak, &bits, sizeof peak);
            const float inverse = peak > 0 ? 127 / peak : 0;
            Ints total = {};
            for (int64_t k = from; k < to; k += LANES) {
                const Vector v = to - k >= LANES ? load(row + k) : load_some(row + k, to - k);
                const Vector shifted = v * inverse + magic;
                const Ints whole = reinterpret_cast<const Ints &>(shifted) - 0x4B400000;
                total = total + whole;
                // The row's buffer is padded to whole vectors.
                *reinterpret_cast<Bytes *>(values + k) = __builtin_convertvector(whole, Bytes);
            }
            const int32_t sum = __builtin_reduce_add(total);
            const int64_t index = r * groups(in) + from / CK_INT8_GROUP;
            out.scales[index] = peak / 127;
            out.sums[index] = sum;
        }
    }
}

// Selects the tile for a format and a number of rows.
template <int FORMAT, int NP, int NX>
INLINE void tile_of(const DecodeGemm &a, const Panel *panel, int64_t row, float *sums) {
    if constexpr (FORMAT == CK_INT8)
        int8_tile<NP, NX>(panel, *a.rounded, row, a.w->in, sums);
    else
        tile<FORMAT, NP, NX>(panel, a.x + row * a.x_stride, a.x_stride, a.w->in, sums);
}

template <int FORMAT, int NP>
INLINE void tile_of_rows(const DecodeGemm &a, const Panel *panel, int64_t row, int64_t rows, float *sums) {
    switch (rows) {
        case 1: return tile_of<FORMAT, NP, 1>(a, panel, row, sums);
        case 2: return tile_of<FORMAT, NP, 2>(a, panel, row, sums);
        case 3: return tile_of<FORMAT, NP, 3>(a, panel, row, sums);
        case 4: return tile_of<FORMAT, NP, 4>(a, panel, row, sums);
    }
    if constexpr (TILE_ROWS > 4 && NP <= 2) {
        switch (rows) {
            case 5: return tile_of<FORMAT, NP, 5>(a, panel, row, sums);
            case 6: return tile_of<FORMAT, NP, 6>(a, panel, row, sums);
            case 7: return tile_of<FORMAT, NP, 7>(a, panel, row, sums);
            case 8: return tile_of<FORMAT, NP, 8>(a, panel, row, sums);
        }
    }
}

// Applies SwiGLU or the residual to the sums of `count` panels from `panel` on and `rows` rows from `row` on, and writes them to y.
INLINE void finish(const DecodeGemm &a, float *sums, int64_t panel, int64_t count, int64_t row, int64_t rows) {
    for (int64_t r = 0; r < rows; r++) {
        float *sum = sums + r * count * CK_PANEL;
        if (a.up != nullptr) {
            count /= 2;
            for (int64_t i = 0; i < count * CK_PANEL; i += LANES)
                store(sum + i, silu(load(sum + i)) * load(sum + count * CK_PANEL + i));
        }
        const int64_t first = panel * CK_PANEL, columns = std::min(count * CK_PANEL, a.w->out - first);
        float *y = a.y + (row + r) * a.y_stride + first;
        if (a.residual == nullptr) {
            __builtin_memcpy(y, sum, columns * sizeof(float));
        } else {
            const float *residual = a.residual + (row + r) * a.y_stride + first;
            for (int64_t i = 0; i < columns; i++) y[i] = residual[i] + sum[i];
        }
        if (a.up != nullptr) count *= 2;
    }
}

// Computes NP panels at once: few rows need several panels to hide the latency of additions, many rows need the registers.
template <int FORMAT, int NP>
INLINE void columns(const DecodeGemm &a, int64_t index) {
    constexpr int64_t step = NP;
    Panel panel[NP];
    const int64_t own = a.up == nullptr ? step : step / 2;
    for (int64_t p = 0; p < own; p++) panel[p] = panel_of(*a.w, index + p);
    for (int64_t p = own; p < step; p++) panel[p] = panel_of(*a.up, index + p - own);
    float sums[TILE_ROWS * NP * CK_PANEL] __attribute__((aligned(64)));
    constexpr int64_t most = NP > 2 ? 4 : TILE_ROWS;
    for (int64_t row = 0; row < a.rows; row += most) {
        const int64_t rows = std::min(most, a.rows - row);
        tile_of_rows<FORMAT, NP>(a, panel, row, rows, sums);
        finish(a, sums, index, NP, row, rows);
    }
}

// Accumulators that fit the registers together with weights and inputs.
constexpr int64_t kAccumulators = LANES == 16 ? 24 : 12;

template <int FORMAT>
void decode_gemm_of(const DecodeGemm &a, int64_t first, int64_t last) {
    const int64_t matrices = a.up == nullptr ? 1 : 2;
    const int64_t most = kAccumulators / kParts / std::min<int64_t>(a.rows, TILE_ROWS);
    int64_t index = first;
    if (most >= 4 && a.rows <= 4)
        for (; index + 4 / matrices <= last; index += 4 / matrices) columns<FORMAT, 4>(a, index);
    if (most >= 2 || matrices == 2)
        for (; index + 2 / matrices <= last; index += 2 / matrices) columns<FORMAT, 2>(a, index);
    if (matrices == 1)
        for (; index < last; index++) columns<FORMAT, 1>(a, index);
}

void decode_gemm(const DecodeGemm &a, int64_t first, int64_t last) {
    switch (a.w->format) {
        case CK_BF16: return decode_gemm_of<CK_BF16>(a, first, last);
        case CK_INT8: return decode_gemm_of<CK_INT8>(a, first, last);
        default: return decode_gemm_of<CK_F32>(a, first, last);
    }
}
