// Softmax cross-entropy and its gradient, parallel over rows.
#include "../Isa/Isa.h"
#include "../Threads/Parallel.h"

using namespace ck;

void ck_softmax_cross_entropy(const ck_logits_chunk *chunk) {
    // An exponential counts as 20 multiplications.
    in_parallel(chunk->rows, double(chunk->rows * chunk->vocabulary) * 20, [&](int64_t first, int64_t last) {
        isa().training.softmax_cross_entropy(*chunk, first, last);
    });
}
