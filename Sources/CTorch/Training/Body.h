// The training kernels, written once over a vector of LANES floats and compiled for each instruction set (Portable.cpp,
// Avx2.cpp, Avx512.cpp). No include guard on purpose.

namespace ct::training {
namespace {

#include "../Kernels/Vector.h"

// body(k, n) over 0 ..< count in whole vectors and a rest of n < LANES.
template <typename Body>
INLINE void vectors(int64_t count, const Body &body) {
    int64_t k = 0;
    for (; k + LANES <= count; k += LANES) body(k, int64_t(LANES));
    if (k < count) body(k, count - k);
}
INLINE Vector get(const float *p, int64_t n) { return n == LANES ? load(p) : load_some(p, n); }
INLINE void put(float *p, Vector v, int64_t n) { n == LANES ? store(p, v) : store_some(p, v, n); }

void norm(const float *x, int64_t rows, int64_t width, const float *weight, float eps, float *y, float *inverse) {
    for (int64_t r = 0; r < rows; r++, x += width, y += width) {
        Vector sum = {};
        vectors(width, [&](int64_t k, int64_t n) __attribute__((always_inline)) {
            const Vector v = get(x + k, n);
            sum = MULTIPLY_ADD(v, v, sum);
        });
        inverse[r] = 1.0f / __builtin_sqrtf(total(sum) / static_cast<float>(width) + eps);
        const Vector factor = splat(inverse[r]);
        vectors(width, [&](int64_t k, int64_t n) __attribute__((always_inline)) {
            put(y + k, get(x + k, n) * factor * get(weight + k, n), n);
        });
    }
}

void norm_again(const float *x, const float *inverse, int64_t rows, int64_t width, const float *weight, float *y) {
    for (int64_t r = 0; r < rows; r++, x += width, y += width) {
        const Vector factor = splat(inverse[r]);
        vectors(width, [&](int64_t k, int64_t n) __attribute__((always_inline)) {
            put(y + k, get(x + k, n) * factor * get(weight + k, n), n);
        });
    }
}

// With i = 1/rms and y = x · i · w: dx = i · (w · dy − x · i² · mean(w · dy · x)), dw = Σ dy · x · i.
void norm_backward(
    const float *x, const float *inverse, int64_t rows, int64_t width, const float *weight, const float *dy,
    const float *residual, float *dx, float *dweight
) {
    for (int64_t r = 0; r < rows; r++, x += width, dy += width, dx += width) {
        Vector sum = {};
        const Vector i = splat(inverse[r]);
        vectors(width, [&](int64_t k, int64_t n) __attribute__((always_inline)) {
            const Vector xs = get(x + k, n), product = get(dy + k, n) * xs;
            sum = MULTIPLY_ADD(product, get(weight + k, n), sum);
            put(dweight + k, MULTIPLY_ADD(product, i, get(dweight + k, n)), n);
        });
        const Vector along = splat(-inverse[r] * inverse[r] * total(sum) / static_cast<float>(width));
        vectors(width, [&](int64_t k, int64_t n) __attribute__((always_inline)) {
            const Vector across = get(dy + k, n) * get(weight + k, n);
            const Vector gradient = i * MULTIPLY_ADD(get(x + k, n), along, across);
            put(dx + k, residual == nullptr ? gradient : gradient + get(residual + k, n), n);
        });
        if (residual != nullptr) residual += width;
    }
}

void gated(const float *both, int64_t rows, int64_t width, float *y) {
    for (int64_t r = 0; r < rows; r++, both += 2 * width, y += width) {
        vectors(width, [&](int64_t k, int64_t n) __attribute__((always_inline)) {
            const Vector g = get(both + k, n);
            put(y + k, g / (splat(1.0f) + exponential(-g)) * get(both + width + k, n), n);
        });
    }
}

// With s = sigmoid(g): silu(g) = g · s and silu'(g) = s · (1 + g · (1 − s)).
void gated_backward(const float *both, const float *dy, int64_t rows, int64_t width, float *dboth, float *y) {
    const Vector one = splat(1.0f);
    for (int64_t r = 0; r < rows; r++, both += 2 * width, dy += width, dboth += 2 * width, y += width) {
        vectors(width, [&](int64_t k, int64_t n) __attribute__((always_inline)) {
            const Vector g = get(both + k, n), u = get(both + width + k, n), d = get(dy + k, n);
            const Vector s = one / (one + exponential(-g)), silu = g * s;
            put(dboth + k, d * u * (s * MULTIPLY_ADD(g, one - s, one)), n);
            put(dboth + width + k, d * silu, n);
            put(y + k, silu * u, n);
        });
    }
}

void rotate(
    float *x, int64_t stride, int64_t first, int64_t last, int64_t heads, int64_t dim, int64_t positions,
    const float *cosine, const float *sine, float sign
) {
    const int64_t half = dim / 2;
    for (int64_t r = first; r < last; r++) {
        const float *c = cosine + r % positions * half, *s = sine + r % positions * half;
        for (int64_t h = 0; h < heads; h++) {
            float *at = x + r * stride + h * dim;
            vectors(half, [&](int64_t k, int64_t n) __attribute__((always_inline)) {
                const Vector a = get(at + k, n), b = get(at + half + k, n);
                const Vector cos = get(c + k, n), sin = get(s + k, n) * sign;
                put(at + k, a * cos - b * sin, n);
                put(at + half + k, b * cos + a * sin, n);
            });
        }
    }
}

// Blocks of 4096 in float, their sums in double.
double squares(const float *x, int64_t count) {
    double result = 0;
    for (int64_t from = 0; from < count; from += 4096) {
        Vector sum[4] = {};
        int64_t lane = 0;
        vectors(std::min<int64_t>(4096, count - from), [&](int64_t k, int64_t n) __attribute__((always_inline)) {
            const Vector v = get(x + from + k, n);
            sum[lane & 3] = MULTIPLY_ADD(v, v, sum[lane & 3]);
            lane++;
        });
        result += total((sum[0] + sum[1]) + (sum[2] + sum[3]));
    }
    return result;
}

void adamw(
    float *weight, const float *gradient, float *first, float *second, int64_t count, float keep, const AdamW &a
) {
    const Vector rest1 = splat(1.0f - a.beta1), rest2 = splat(1.0f - a.beta2);
    vectors(count, [&](int64_t k, int64_t n) __attribute__((always_inline)) {
        const Vector g = get(gradient + k, n) * a.scale;
        const Vector m = get(first + k, n) * a.beta1 + g * rest1;
        const Vector v = get(second + k, n) * a.beta2 + g * g * rest2;
        put(first + k, m, n);
        put(second + k, v, n);
        const Vector step = m / (__builtin_elementwise_sqrt(v) * a.correction + a.epsilon);
        put(weight + k, get(weight + k, n) * keep - step * a.rate, n);
    });
}

#include "AttentionBody.h"
#include "CrossEntropyBody.h"
#include "ProductBody.h"

}  // namespace

const Isa ISA_NAME = {
    norm,  norm_again, norm_backward, gated, gated_backward, rotate, squares, adamw, attention, attention_backward,
    softmax_cross_entropy, multiply, kScratch,
};

}  // namespace ct::training
