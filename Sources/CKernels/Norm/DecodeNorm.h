// Decoding RMSNorm. Included by each instruction set's file.

// Whole vectors are summed per lane, then across lanes, then the row's tail is added; TrainingNorm.h adds the tail to the lanes.
void decode_norm(
    const float *x, int64_t rows, int64_t width, const float *weight, float epsilon, float *y, int64_t y_stride
) {
    for (int64_t r = 0; r < rows; r++, x += width, y += y_stride) {
        Vector sum = {};
        int64_t k = 0;
        for (; k + LANES <= width; k += LANES) sum = MULTIPLY_ADD(load(x + k), load(x + k), sum);
        float squares = total(sum);
        for (; k < width; k++) squares += x[k] * x[k];
        const float factor = 1.0f / __builtin_sqrtf(squares / static_cast<float>(width) + epsilon);
        for (int64_t i = 0; i < width; i++) y[i] = x[i] * factor * weight[i];
    }
}
