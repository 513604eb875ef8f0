// The choice of a token: the largest logit, or the largest of logit and keyed noise.
#include <cmath>
#include <cstdint>

#include "ct_kernels.h"

namespace {

uint64_t mix(uint64_t z) {
    z += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

// The 52 random bits of a token; its noise is -log(-log(u)) with u = (bits + 1/2) / 2^52, which is exact and never 0 or 1.
uint64_t noise_bits(uint64_t key, uint64_t token) { return mix(key ^ mix(token)) >> 12; }

double gumbel(uint64_t bits) {
    const double u = (static_cast<double>(bits) + 0.5) * 0x1p-52;
    return -std::log(-std::log(u));
}

// At least the noise of these bits, without a logarithm: -log(-log(u)) <= -log(1 - u), and 1 - u >= m / 2^53 with
// m = 2^52 - bits, whose leading zeros bound its logarithm.
double gumbel_bound(uint64_t bits) {
    return static_cast<double>(__builtin_clzll((uint64_t(1) << 52) - bits) - 10) * 0.6931471805599454;
}

uint64_t noise_key(uint64_t seed, uint64_t position) { return mix(mix(seed) ^ position); }

}  // namespace

int64_t ct_k_argmax(const float *x, int64_t n) {
    int64_t best = 0;
    for (int64_t i = 0; i < n; i++) {
        if (x[i] != x[i]) return -1;
        if (x[i] > x[best]) best = i;
    }
    return best;
}

double ct_k_gumbel(uint64_t seed, uint64_t position, uint64_t token) {
    return gumbel(noise_bits(noise_key(seed, position), token));
}

int64_t ct_k_gumbel_argmax(const float *x, int64_t n, double temperature, uint64_t seed, uint64_t position) {
    int64_t best = ct_k_argmax(x, n);
    if (best < 0) return -1;
    // The likeliest token first: few others can still win then, and only those need logarithms.
    const uint64_t key = noise_key(seed, position);
    const double scale = 1 / temperature;
    double highest = double(x[best]) * scale + gumbel(noise_bits(key, uint64_t(best)));
    for (int64_t i = 0; i < n; i++) {
        const uint64_t bits = noise_bits(key, uint64_t(i));
        const double score = double(x[i]) * scale;
        if (score + gumbel_bound(bits) < highest) continue;
        const double value = score + gumbel(bits);
        if (value > highest) {
            best = i;
            highest = value;
        }
    }
    return best;
}
