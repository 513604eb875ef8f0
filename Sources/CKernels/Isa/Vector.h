// A vector of LANES floats and its basic operations. Included inside an anonymous namespace by a file that defines LANES and
// MULTIPLY_ADD, under the target attributes of its instruction set. Intentionally without an include guard.

#pragma clang fp contract(off)

typedef float Vector __attribute__((vector_size(LANES * 4), aligned(4)));
typedef int32_t Ints __attribute__((vector_size(LANES * 4), aligned(4)));
typedef uint16_t Halves __attribute__((vector_size(LANES * 2), aligned(2)));
typedef int8_t Bytes __attribute__((vector_size(LANES), aligned(1)));
#define INLINE static inline __attribute__((always_inline))
// Full unrolling keeps accumulators in registers; otherwise clang keeps them in memory, at a third of the speed.
#define UNROLL _Pragma("clang loop unroll(full)")

INLINE Vector load(const float *p) { return *reinterpret_cast<const Vector *>(p); }
INLINE void store(float *p, Vector v) { *reinterpret_cast<Vector *>(p) = v; }
// Loads n lanes and sets the others to zero.
INLINE Vector load_some(const float *p, int64_t n) {
    Vector v = {};
    __builtin_memcpy(&v, p, n * sizeof(float));
    return v;
}
INLINE void store_some(float *p, Vector v, int64_t n) { __builtin_memcpy(p, &v, n * sizeof(float)); }
INLINE Vector splat(float x) {
    Vector v;
    UNROLL for (int i = 0; i < LANES; i++) v[i] = x;
    return v;
}
INLINE Vector larger(Vector a, Vector b) { return a > b ? a : b; }

// Horizontal sum: adds lane i + half to lane i, halving until one is left.
INLINE float total(Vector v) {
    float lanes[LANES];
    store(lanes, v);
    UNROLL for (int half = LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
    return lanes[0];
}

// e^x with an error of at most 2 units in the last place, after Cephes: 2^n · polynomial of the remainder; 0 below -87.3.
INLINE Vector exponential(Vector x) {
    const Vector low = splat(-87.336544f), high = splat(88.3762f);
    const Ints underflow = x < low;
    x = x < low ? low : x;
    x = x > high ? high : x;
    const Vector magic = splat(12582912.0f);  // 1.5 · 2^23: adding it rounds to an integer
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

// Calls body(k, n) over 0 ..< count, with n = LANES for whole vectors and n < LANES for the tail.
template <typename Body>
INLINE void vectors(int64_t count, const Body &body) {
    int64_t k = 0;
    for (; k + LANES <= count; k += LANES) body(k, int64_t(LANES));
    if (k < count) body(k, count - k);
}
INLINE Vector get(const float *p, int64_t n) { return n == LANES ? load(p) : load_some(p, n); }
INLINE void put(float *p, Vector v, int64_t n) { n == LANES ? store(p, v) : store_some(p, v, n); }
