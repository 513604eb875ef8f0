// Training SwiGLU, parallel over rows.
#include "../Isa/Isa.h"
#include "../Threads/Parallel.h"

using namespace ck;

namespace {

// Work per element, mostly an exponential, in multiplications.
constexpr double kExponential = 20;

}  // namespace

void ck_swiglu_forward(const float *gate_up, int64_t rows, int64_t width, float *y) {
    in_parallel(rows, double(rows * width) * kExponential, [&](int64_t first, int64_t last) {
        isa().training.swiglu(gate_up + first * 2 * width, last - first, width, y + first * width);
    });
}

void ck_swiglu_backward(
    const float *gate_up, const float *dy, int64_t rows, int64_t width, float *dgate_up, float *y
) {
    in_parallel(rows, double(rows * width) * kExponential, [&](int64_t first, int64_t last) {
        isa().training.swiglu_backward(
            gate_up + first * 2 * width, dy + first * width, last - first, width, dgate_up + first * 2 * width,
            y + first * width);
    });
}
