// Sums of squares and AdamW over a part of a parameter. Included by each instruction set's file.

// Accumulated in float within blocks of 4096 and in double across blocks.
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
    float *weight, const float *gradient, float *first, float *second, int64_t count, float keep,
    const ck_adamw_constants &a
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
