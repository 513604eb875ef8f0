// The kernels, written once over a vector of LANES floats and compiled for each instruction set (Portable.cpp, Avx2.cpp,
// Avx512.cpp define LANES, MULTIPLY_ADD and ISA_NAME). No include guard on purpose.
//
// Row invariance: a dot product is one accumulator over the inputs in order, whatever other dot products run beside it.

namespace ct::kernels {
namespace {

#pragma clang fp contract(off)

typedef float Vector __attribute__((vector_size(LANES * 4), aligned(4)));
typedef int32_t Ints __attribute__((vector_size(LANES * 4), aligned(4)));
#define INLINE static inline __attribute__((always_inline))

INLINE Vector load(const float *p) { return *reinterpret_cast<const Vector *>(p); }
INLINE void store(float *p, Vector v) { *reinterpret_cast<Vector *>(p) = v; }
INLINE Vector load_some(const float *p, int64_t n) {
    Vector v = {};
    __builtin_memcpy(&v, p, n * sizeof(float));
    return v;
}
INLINE void store_some(float *p, Vector v, int64_t n) { __builtin_memcpy(p, &v, n * sizeof(float)); }
INLINE Vector splat(float x) { return Vector{} + x; }

// Sums over lanes: lane i with lane i + half, halving until one is left. Several vectors are summed together, since the
// additions of one alone would leave most lanes idle; the tree of each sum is the same in any company.

// Each vector holds LANES / G sums as G partial sums; the result holds those of both as G / 2 partial sums.
template <int G>
constexpr int partial_index(int lane, bool upper) {
    const int sum = lane / (G / 2), held = LANES / G;
    return (sum < held ? 0 : LANES) + sum % held * G + lane % (G / 2) + (upper ? G / 2 : 0);
}
template <int G, int... I>
INLINE Vector halve(Vector a, Vector b, std::integer_sequence<int, I...>) {
    return __builtin_shufflevector(a, b, partial_index<G>(I, false)...) +
           __builtin_shufflevector(a, b, partial_index<G>(I, true)...);
}
template <int P, int G>
INLINE Vector sum_lanes(Vector *v) {
    using Lanes = std::make_integer_sequence<int, LANES>;
    if constexpr (G == 1) {
        return v[0];
    } else if constexpr (P == 1) {
        v[0] = halve<G>(v[0], v[0], Lanes{});
        return sum_lanes<1, G / 2>(v);
    } else {
        _Pragma("clang loop unroll(full)") for (int i = 0; i < P / 2; i++) v[i] = halve<G>(v[2 * i], v[2 * i + 1], Lanes{});
        return sum_lanes<P / 2, G / 2>(v);
    }
}
template <int N>
INLINE void totals(Vector *v, float *out) {
    if constexpr (N > LANES) {
        totals<LANES>(v, out);
        totals<N - LANES>(v + LANES, out + LANES);
    } else {
        constexpr int P = N > 8 ? 16 : N > 4 ? 8 : N > 2 ? 4 : N;
        Vector padded[P];
        _Pragma("clang loop unroll(full)") for (int i = 0; i < P; i++) padded[i] = i < N ? v[i] : Vector{};
        const Vector sums = sum_lanes<P, LANES>(padded);
        store_some(out, sums, N);
    }
}
INLINE float total(Vector v) {
    float out;
    totals<1>(&v, &out);
    return out;
}

// out[i][j] = w row i · x row j.
// Full unrolling keeps the accumulators in registers; without it clang walks them in memory, at a third of the speed.
#define UNROLL _Pragma("clang loop unroll(full)")

template <int NW, int NX>
INLINE void dots(const float *w, int64_t w_stride, const float *x, int64_t x_stride, int64_t in, float (&out)[NW][NX]) {
    Vector sum[NW * NX];
    UNROLL for (int i = 0; i < NW * NX; i++) sum[i] = Vector{};
    int64_t k = 0;
    for (; k + LANES <= in; k += LANES) {
        Vector xs[NX];
        UNROLL for (int j = 0; j < NX; j++) xs[j] = load(x + j * x_stride + k);
        UNROLL for (int i = 0; i < NW; i++) {
            const Vector weight = load(w + i * w_stride + k);
            // The same place of the next tile: its rows are new streams to the processor's own prefetcher.
            if (k % 16 == 0) __builtin_prefetch(w + (NW + i) * w_stride + k);
            UNROLL for (int j = 0; j < NX; j++) sum[i * NX + j] = MULTIPLY_ADD(weight, xs[j], sum[i * NX + j]);
        }
    }
    if (k < in) {
        UNROLL for (int i = 0; i < NW; i++) {
            const Vector weight = load_some(w + i * w_stride + k, in - k);
            UNROLL for (int j = 0; j < NX; j++)
                sum[i * NX + j] = MULTIPLY_ADD(weight, load_some(x + j * x_stride + k, in - k), sum[i * NX + j]);
        }
    }
    totals<NW * NX>(sum, &out[0][0]);
}

struct LinearRange {
    const float *w;
    const float *x;
    int64_t x_stride, in;
    float *y;
    int64_t y_stride;
    bool accumulate;
};

template <int NW, int NX>
INLINE void linear_tile(const LinearRange &a, int64_t column, int64_t row) {
    float out[NW][NX];
    dots<NW, NX>(a.w + column * a.in, a.in, a.x + row * a.x_stride, a.x_stride, a.in, out);
    for (int j = 0; j < NX; j++) {
        float *y = a.y + (row + j) * a.y_stride + column;
        for (int i = 0; i < NW; i++) y[i] = a.accumulate ? y[i] + out[i][j] : out[i][j];
    }
}

template <int NW, int NX>
INLINE void linear_columns(const LinearRange &a, int64_t first, int64_t last, int64_t row) {
    int64_t column = first;
    for (; column + NW <= last; column += NW) linear_tile<NW, NX>(a, column, row);
    for (; column < last; column++) linear_tile<1, NX>(a, column, row);
}

// Registers allow more columns beside fewer rows; one row needs many columns to hide the latency of the additions.
void linear(
    const float *w, int64_t first, int64_t last, const float *x, int64_t rows, int64_t x_stride, int64_t in, float *y,
    int64_t y_stride, bool accumulate
) {
    const LinearRange a = {w, x, x_stride, in, y, y_stride, accumulate};
    // A block of weights that stays in the second-level cache while all rows pass over it.
    const int64_t block = rows <= 8 ? last - first : std::max<int64_t>(16, (128 << 10) / (in * 4) / 16 * 16);
    for (int64_t from = first; from < last; from += block) {
        const int64_t to = std::min(last, from + block);
        int64_t row = 0;
        for (; row + 8 <= rows; row += 8) linear_columns<LANES == 16 ? 2 : 1, 8>(a, from, to, row);
        switch (rows - row) {
            case 7: linear_columns<LANES == 16 ? 2 : 1, 7>(a, from, to, row); break;
            case 6: linear_columns<LANES == 16 ? 3 : 1, 6>(a, from, to, row); break;
            case 5: linear_columns<LANES == 16 ? 4 : 2, 5>(a, from, to, row); break;
            case 4: linear_columns<LANES == 16 ? 4 : 2, 4>(a, from, to, row); break;
            case 3: linear_columns<LANES == 16 ? 6 : 3, 3>(a, from, to, row); break;
            case 2: linear_columns<LANES == 16 ? 8 : 4, 2>(a, from, to, row); break;
            case 1: linear_columns<8, 1>(a, from, to, row); break;
        }
    }
}

void rms_norm(const float *x, int64_t rows, int64_t width, const float *weight, float eps, float *y) {
    for (int64_t r = 0; r < rows; r++, x += width, y += width) {
        Vector sum = {};
        int64_t k = 0;
        for (; k + LANES <= width; k += LANES) sum = MULTIPLY_ADD(load(x + k), load(x + k), sum);
        if (k < width) {
            const Vector rest = load_some(x + k, width - k);
            sum = MULTIPLY_ADD(rest, rest, sum);
        }
        const float factor = 1.0f / __builtin_sqrtf(total(sum) / static_cast<float>(width) + eps);
        for (int64_t i = 0; i < width; i++) y[i] = x[i] * factor * weight[i];
    }
}

// e^x to 2 units in the last place, after Cephes: 2^n · polynomial of the remainder; 0 below -87.3.
INLINE Vector exponential(Vector x) {
    const Vector low = splat(-87.336544f), high = splat(88.3762f);
    const Ints underflow = x < low;
    x = x < low ? low : x;
    x = x > high ? high : x;
    const Vector magic = splat(12582912.0f);  // 1.5 · 2^23: adding it rounds to a whole number
    const Vector shifted = MULTIPLY_ADD(x, splat(1.44269504f), magic);
    const Vector n = shifted - magic;
    Vector r = MULTIPLY_ADD(n, splat(-0.693359375f), x);
    r = MULTIPLY_ADD(n, splat(2.12194440e-4f), r);
    Vector p = splat(1.9875691500e-4f);
    p = MULTIPLY_ADD(p, r, splat(1.3981999507e-3f));
    p = MULTIPLY_ADD(p, r, splat(8.3334519073e-3f));
    p = MULTIPLY_ADD(p, r, splat(4.1665795894e-2f));
    p = MULTIPLY_ADD(p, r, splat(1.6666665459e-1f));
    p = MULTIPLY_ADD(p, r, splat(5.0000001201e-1f));
    p = MULTIPLY_ADD(p, r * r, r) + splat(1.0f);
    const Ints bits = (reinterpret_cast<Ints &>(const_cast<Vector &>(shifted)) - 0x4B400000 + 127) << 23;
    Vector power;
    __builtin_memcpy(&power, &bits, sizeof power);
    const Vector result = p * power;
    return underflow ? Vector{} : result;
}

void swiglu(const float *gate, const float *up, int64_t count, float *y) {
    const Vector one = splat(1.0f);
    for (int64_t k = 0; k < count; k += LANES) {
        const int64_t n = std::min<int64_t>(LANES, count - k);
        const Vector g = n == LANES ? load(gate + k) : load_some(gate + k, n);
        const Vector u = n == LANES ? load(up + k) : load_some(up + k, n);
        const Vector result = g / (one + exponential(-g)) * u;
        if (n == LANES) store(y + k, result);
        else store_some(y + k, result, n);
    }
}

// out[0 ..< head_dim chunk] = Σ_j scores[j] · v[j], in four running sums by j mod 4.
template <int CHUNK>
INLINE void weighted_sum(const float *v, int64_t stride, const float *scores, int64_t length, float *out, float scale) {
    Vector sum[4][CHUNK] = {};
    int64_t j = 0;
    for (; j + 4 <= length; j += 4)
        for (int s = 0; s < 4; s++)
            for (int c = 0; c < CHUNK; c++)
                sum[s][c] = MULTIPLY_ADD(splat(scores[j + s]), load(v + (j + s) * stride + c * LANES), sum[s][c]);
    for (int s = 0; j < length; j++, s++)
        for (int c = 0; c < CHUNK; c++)
            sum[s][c] = MULTIPLY_ADD(splat(scores[j]), load(v + j * stride + c * LANES), sum[s][c]);
    for (int c = 0; c < CHUNK; c++)
        store(out + c * LANES, ((sum[0][c] + sum[1][c]) + (sum[2][c] + sum[3][c])) * scale);
}

void attention(const Attention &a, int64_t first, int64_t last, float *scores) {
    const int64_t dim = a.head_dim;
    for (int64_t task = first; task < last; task++) {
        const int64_t row = task / a.heads, head = task % a.heads;
        const int64_t shared = head / (a.heads / a.kv_heads), length = a.lengths[row];
        const float *q = a.q + task * dim;
        const float *k = a.k_cache + shared * a.capacity * dim;
        const float *v = a.v_cache + shared * a.capacity * dim;
        float *out = a.out + task * dim;

        int64_t j = 0;
        for (; j + 8 <= length; j += 8) {
            float s[8][1];
            dots<8, 1>(k + j * dim, dim, q, dim, dim, s);
            for (int i = 0; i < 8; i++) scores[j + i] = s[i][0] * a.scale;
        }
        for (; j < length; j++) {
            float s[1][1];
            dots<1, 1>(k + j * dim, dim, q, dim, dim, s);
            scores[j] = s[0][0] * a.scale;
        }
        float largest = scores[0];
        for (j = 1; j < length; j++) largest = scores[j] > largest ? scores[j] : largest;
        Vector sum = {};
        for (j = 0; j < length; j += LANES) {
            const int64_t n = std::min<int64_t>(LANES, length - j);
            Vector p = exponential((n == LANES ? load(scores + j) : load_some(scores + j, n)) - splat(largest));
            if (n < LANES) p = load_some(reinterpret_cast<float *>(&p), n);
            store(scores + j, p);
            sum = sum + p;
        }
        const float inverse = 1.0f / total(sum);
        int64_t d = 0;
        for (; d + 2 * LANES <= dim; d += 2 * LANES) weighted_sum<2>(v + d, dim, scores, length, out + d, inverse);
        for (; d + LANES <= dim; d += LANES) weighted_sum<1>(v + d, dim, scores, length, out + d, inverse);
        for (; d < dim; d++) {
            float value = 0;
            for (j = 0; j < length; j++) value += scores[j] * v[j * dim + d];
            out[d] = value * inverse;
        }
    }
}

}  // namespace

const Isa ISA_NAME = {linear, rms_norm, swiglu, attention};

}  // namespace ct::kernels
