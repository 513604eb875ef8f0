// Rotary position embedding for decoding and training. Included by each instruction set's file.

void rope(
    float *x, int64_t stride, int64_t first, int64_t last, int64_t heads, int64_t head_dim, int64_t positions,
    const float *cosine, const float *sine, float sign
) {
    const int64_t half = head_dim / 2;
    for (int64_t r = first; r < last; r++) {
        const float *c = cosine + r % positions * half, *s = sine + r % positions * half;
        for (int64_t h = 0; h < heads; h++) {
            float *head = x + r * stride + h * head_dim;
            vectors(half, [&](int64_t k, int64_t n) __attribute__((always_inline)) {
                const Vector a = get(head + k, n), b = get(head + half + k, n);
                const Vector cos = get(c + k, n), sin = get(s + k, n) * sign;
                put(head + k, a * cos - b * sin, n);
                put(head + half + k, b * cos + a * sin, n);
            });
        }
    }
}
