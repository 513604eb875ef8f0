// Training RMSNorm and its gradient. Included by each instruction set's file.

// A row's tail is added to the lanes before the sum across lanes; DecodeNorm.h adds it last.
void training_norm(
    const float *x, int64_t rows, int64_t width, const float *weight, float epsilon, float *y, float *inverse
) {
    for (int64_t r = 0; r < rows; r++, x += width, y += width) {
        Vector sum = {};
        vectors(width, [&](int64_t k, int64_t n) __attribute__((always_inline)) {
            const Vector v = get(x + k, n);
            sum = MULTIPLY_ADD(v, v, sum);
        });
        inverse[r] = 1.0f / __builtin_sqrtf(total(sum) / static_cast<float>(width) + epsilon);
        const Vector factor = splat(inverse[r]);
        vectors(width, [&](int64_t k, int64_t n) __attribute__((always_inline)) {
            put(y + k, get(x + k, n) * factor * get(weight + k, n), n);
        });
    }
}

void training_norm_recompute(
    const float *x, const float *inverse, int64_t rows, int64_t width, const float *weight, float *y
) {
    for (int64_t r = 0; r < rows; r++, x += width, y += width) {
        const Vector factor = splat(inverse[r]);
        vectors(width, [&](int64_t k, int64_t n) __attribute__((always_inline)) {
            put(y + k, get(x + k, n) * factor * get(weight + k, n), n);
        });
    }
}

// With i = 1/rms and y = x · i · w: dx = i · (w · dy − x · i² · mean(w · dy · x)), dw = Σ dy · x · i.
void training_norm_backward(
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
