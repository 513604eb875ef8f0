// Token selection.
#ifndef CK_SAMPLING_H
#define CK_SAMPLING_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The first index of the largest value; -1 if there is a NaN.
int64_t ck_argmax(const float *x, int64_t n);

// Filters softmax(x / temperature) by setting logits to -infinity: first of tokens less likely than min_p times the most likely
// one, then of all but the top_k most likely (0: no limit), then of all but the smallest set of most likely tokens with a share of
// top_p of the remaining probability. Ties go to the lower index. Returns the number of remaining tokens; -1 if there is a NaN and
// -2 if memory runs out, with x unchanged.
int64_t ck_filter(float *x, int64_t n, double temperature, int64_t top_k, double top_p, double min_p);

// Gumbel noise, a pure function of its arguments: -log(-log(u)), u uniform in (0, 1).
double ck_gumbel(uint64_t seed, uint64_t position, uint64_t token);

// argmax over v of x[v] / temperature + gumbel(seed, position, v), which samples softmax(x / temperature); -1 if there is a NaN.
int64_t ck_gumbel_argmax(const float *x, int64_t n, double temperature, uint64_t seed, uint64_t position);

#ifdef __cplusplus
}
#endif
#endif
