// The fused loss over a chunk of logits. Included by each instruction set's file.

// A NaN may be missed here; it still reaches the loss through the sum of exponentials.
INLINE float row_maximum(const float *x, int64_t n) {
    float largest = x[0];
    int64_t k = 0;
    if (n >= 4 * LANES) {
        Vector m[4];
        UNROLL for (int i = 0; i < 4; i++) m[i] = load(x + i * LANES);
        for (k = 4 * LANES; k + 4 * LANES <= n; k += 4 * LANES)
            UNROLL for (int i = 0; i < 4; i++) m[i] = larger(load(x + k + i * LANES), m[i]);
        const Vector all = larger(larger(m[0], m[1]), larger(m[2], m[3]));
        for (int lane = 0; lane < LANES; lane++) largest = all[lane] > largest ? all[lane] : largest;
    }
    for (; k < n; k++) largest = x[k] > largest ? x[k] : largest;
    return largest;
}

// x = exp(x − largest) in place. Returns the sum, accumulated in float within blocks and in double across blocks.
INLINE double exponentials(float *x, int64_t n, float largest) {
    constexpr int64_t block = 64 * LANES;
    const Vector shift = splat(largest);
    double sum = 0;
    for (int64_t from = 0; from < n; from += block) {
        const int64_t to = std::min(n, from + block);
        Vector partial[2] = {};
        int64_t k = from;
        for (; k + 2 * LANES <= to; k += 2 * LANES) {
            UNROLL for (int i = 0; i < 2; i++) {
                const Vector e = exponential(load(x + k + i * LANES) - shift);
                store(x + k + i * LANES, e);
                partial[i] += e;
            }
        }
        for (; k < to; k += LANES) {
            const int64_t count = std::min<int64_t>(LANES, to - k);
            put(x + k, exponential(get(x + k, count) - shift), count);
            partial[0] += get(x + k, count);
        }
        sum += total(partial[0] + partial[1]);
    }
    return sum;
}

void softmax_cross_entropy(const ck_logits_chunk &chunk, int64_t first, int64_t last) {
    const int64_t n = chunk.vocabulary;
    for (int64_t r = first; r < last; r++) {
        float *x = chunk.logits + r * n;
        const int64_t at = r * chunk.count;
        const float largest = row_maximum(x, n);
        double weight = 0, picked = 0;
        for (int64_t j = 0; j < chunk.count; j++) {
            const double p = chunk.probabilities == nullptr ? 1 : chunk.probabilities[at + j];
            weight += p;
            picked += p * (double(x[chunk.targets[at + j]]) - double(largest));
        }
        const double sum = exponentials(x, n, largest);
        chunk.losses[r] = weight * __builtin_log(sum) - picked;
        const float factor = static_cast<float>(chunk.scale * weight / sum);
        vectors(n, [&](int64_t k, int64_t some) __attribute__((always_inline)) {
            put(x + k, get(x + k, some) * factor, some);
        });
        for (int64_t j = 0; j < chunk.count; j++)
            x[chunk.targets[at + j]] -=
                chunk.scale * (chunk.probabilities == nullptr ? 1.0f : chunk.probabilities[at + j]);
    }
}
