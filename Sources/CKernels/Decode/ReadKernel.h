// Measures memory bandwidth. Included by each instruction set's file.

float read(const float *x, int64_t n) {
    Vector sum[4] = {};
    for (int64_t k = 0; k + 4 * LANES <= n; k += 4 * LANES)
        UNROLL for (int i = 0; i < 4; i++) sum[i] = sum[i] + load(x + k + i * LANES);
    return total((sum[0] + sum[1]) + (sum[2] + sum[3]));
}
