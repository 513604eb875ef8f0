// Training attention, parallel over the key/value heads of all sequences.
#include "../Isa/Isa.h"
#include "../Threads/Parallel.h"

using namespace ck;

namespace {

int64_t tasks(const ck_attention &a) { return a.batch * a.kv_heads; }

// Working memory per thread: transposed keys and values, and the scores of a block of queries and their gradients.
int64_t scratch_floats(const ck_attention &a) { return (2 * a.head_dim + 64) * ((a.time + 15) / 16 * 16); }

void over_heads(
    const ck_attention &a, int32_t team, float *scratch,
    void (*kernel)(const ck_attention &, int64_t, int64_t, float *)
) {
    on_team_of(team, [&](int64_t thread, int64_t threads) {
        const int64_t first = tasks(a) * thread / threads, last = tasks(a) * (thread + 1) / threads;
        if (first < last) kernel(a, first, last, scratch + thread * scratch_floats(a));
    });
}

}  // namespace

int32_t ck_attention_threads(const ck_attention *a) {
    return tasks(*a) <= 1 ? 1 : team_size(double(a->batch * a->attention_heads * a->time * a->time * a->head_dim));
}

int64_t ck_attention_scratch(const ck_attention *a, int32_t threads) { return threads * scratch_floats(*a); }

void ck_attention_forward(const ck_attention *a, int32_t threads, float *scratch) {
    over_heads(*a, threads, scratch, isa().training.attention);
}

void ck_attention_backward(const ck_attention *a, int32_t threads, float *scratch) {
    over_heads(*a, threads, scratch, isa().training.attention_backward);
}
