// The choice of a token.
#ifndef CK_SAMPLING_H
#define CK_SAMPLING_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The first index of the largest value; -1 if there is a NaN.
int64_t ck_argmax(const float *x, int64_t n);

// Sets to -infinity what a sampler leaves out of softmax(x / temperature): first all less likely than min_p times the
// likeliest, then all but the top_k likeliest (0: all), then all but the fewest likeliest that hold top_p of what is left.
// Ties at an edge go to the lower index. Returns how many stay; -1 if there is a NaN, -2 if there is no memory, with x as it
// was.
int64_t ck_filter(float *x, int64_t n, double temperature, int64_t top_k, double top_p, double min_p);

// Gumbel noise, a pure function of its arguments: -log(-log(u)), u uniform in (0, 1).
double ck_gumbel(uint64_t seed, uint64_t position, uint64_t token);

// argmax over v of x[v] / temperature + gumbel(seed, position, v): a sample of softmax(x / temperature); -1 for a NaN.
int64_t ck_gumbel_argmax(const float *x, int64_t n, double temperature, uint64_t seed, uint64_t position);

#ifdef __cplusplus
}
#endif
#endif
