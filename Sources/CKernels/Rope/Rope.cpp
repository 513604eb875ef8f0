// Rotary position embedding, parallel over rows.
#include "../Isa/Isa.h"
#include "../Threads/Parallel.h"

using namespace ck;

void ck_rope(
    float *x, int64_t stride, int64_t rows, int64_t heads, int64_t head_dim, int64_t positions, const float *cosine,
    const float *sine, float sign
) {
    in_parallel(rows, double(rows * heads * head_dim) * 4, [&](int64_t first, int64_t last) {
        isa().rope(x, stride, first, last, heads, head_dim, positions, cosine, sine, sign);
    });
}
