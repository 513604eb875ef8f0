// Training RMSNorm, parallel over rows.
#include <algorithm>

#include "../Isa/Isa.h"
#include "../Threads/Parallel.h"

using namespace ck;

namespace {

// Work per element, in multiplications.
constexpr double kElement = 4;

int64_t block_rows(int64_t rows) { return std::max<int64_t>(16, (rows + 63) / 64); }

}  // namespace

void ck_rms_norm_forward(
    const float *x, int64_t rows, int64_t width, const float *weight, float epsilon, float *y, float *inverse
) {
    in_parallel(rows, double(rows * width) * kElement, [&](int64_t first, int64_t last) {
        isa().training.norm(
            x + first * width, last - first, width, weight, epsilon, y + first * width, inverse + first);
    });
}

void ck_rms_norm_recompute(
    const float *x, const float *inverse, int64_t rows, int64_t width, const float *weight, float *y
) {
    in_parallel(rows, double(rows * width) * kElement, [&](int64_t first, int64_t last) {
        isa().training.norm_recompute(
            x + first * width, inverse + first, last - first, width, weight, y + first * width);
    });
}

int64_t ck_rms_norm_blocks(int64_t rows) { return (rows + block_rows(rows) - 1) / block_rows(rows); }

void ck_rms_norm_backward(
    const float *x, const float *inverse, int64_t rows, int64_t width, const float *weight, const float *dy,
    const float *residual, float *dx, float *dweight
) {
    const int64_t block = block_rows(rows);
    in_parallel(ck_rms_norm_blocks(rows), double(rows * width) * 2 * kElement, [&](int64_t first, int64_t last) {
        for (int64_t b = first; b < last; b++) {
            const int64_t from = b * block, length = std::min(block, rows - from), at = from * width;
            isa().training.norm_backward(
                x + at, inverse + from, length, width, weight, dy + at, residual == nullptr ? nullptr : residual + at,
                dx + at, dweight + b * width);
        }
    });
}
