// Training SwiGLU, silu(gate) · up, and its gradient. Included by each instruction set's file.

void swiglu(const float *gate_up, int64_t rows, int64_t width, float *y) {
    for (int64_t r = 0; r < rows; r++, gate_up += 2 * width, y += width) {
        vectors(width, [&](int64_t k, int64_t n) __attribute__((always_inline)) {
            put(y + k, silu(get(gate_up + k, n)) * get(gate_up + width + k, n), n);
        });
    }
}

// With s = sigmoid(g): silu(g) = g · s and silu'(g) = s · (1 + g · (1 − s)).
void swiglu_backward(
    const float *gate_up, const float *dy, int64_t rows, int64_t width, float *dgate_up, float *y
) {
    const Vector one = splat(1.0f);
    for (int64_t r = 0; r < rows; r++, gate_up += 2 * width, dy += width, dgate_up += 2 * width, y += width) {
        vectors(width, [&](int64_t k, int64_t n) __attribute__((always_inline)) {
            const Vector g = get(gate_up + k, n), u = get(gate_up + width + k, n), d = get(dy + k, n);
            const Vector s = one / (one + exponential(-g)), silu = g * s;
            put(dgate_up + k, d * u * (s * MULTIPLY_ADD(g, one - s, one)), n);
            put(dgate_up + width + k, d * silu, n);
            put(y + k, silu * u, n);
        });
    }
}
