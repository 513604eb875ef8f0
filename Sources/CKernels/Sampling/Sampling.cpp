// Token selection: the argmax of the logits, or of the logits with keyed noise.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <new>
#include <vector>

#include "ck_sampling.h"

namespace {

uint64_t mix(uint64_t z) {
    z += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

// The 52 random bits of a token. Its noise is -log(-log(u)) with u = (bits + 1/2) / 2^52, which is exact and never 0 or 1.
uint64_t noise_bits(uint64_t key, uint64_t token) { return mix(key ^ mix(token)) >> 12; }

double gumbel(uint64_t bits) {
    const double u = (static_cast<double>(bits) + 0.5) * 0x1p-52;
    return -std::log(-std::log(u));
}

// An upper bound on the noise, without a logarithm: -log(-log(u)) <= -log(1 - u), and 1 - u >= m / 2^53 with m = 2^52 - bits,
// whose leading zeros bound its logarithm.
double gumbel_bound(uint64_t bits) {
    return static_cast<double>(__builtin_clzll((uint64_t(1) << 52) - bits) - 10) * 0.6931471805599454;
}

uint64_t noise_key(uint64_t seed, uint64_t position) { return mix(mix(seed) ^ position); }

int64_t filter(float *x, int64_t n, double temperature, int64_t top_k, double top_p, double min_p) {
    const int64_t best = ck_argmax(x, n);
    if (best < 0) return -1;
    const float peak = x[best];
    thread_local std::vector<int64_t> candidates;
    candidates.clear();
    const double lowest = min_p > 0 ? std::log(min_p) : -std::numeric_limits<double>::infinity();
    for (int64_t i = 0; i < n; i++)
        if ((double(x[i]) - double(peak)) / temperature >= lowest) candidates.push_back(i);
    const auto likelier = [&](int64_t a, int64_t b) { return x[a] != x[b] ? x[a] > x[b] : a < b; };
    if (top_k > 0 && top_k < int64_t(candidates.size())) {
        std::nth_element(candidates.begin(), candidates.begin() + (top_k - 1), candidates.end(), likelier);
        candidates.resize(top_k);
    }
    if (top_p < 1) {
        std::sort(candidates.begin(), candidates.end(), likelier);
        const auto weight = [&](int64_t i) { return std::exp((double(x[i]) - double(peak)) / temperature); };
        double total = 0, held = 0;
        for (int64_t i : candidates) total += weight(i);
        size_t count = 0;
        while (count < candidates.size() && (count == 0 || held < top_p * total)) held += weight(candidates[count++]);
        candidates.resize(count);
    }
    thread_local std::vector<float> values;
    values.clear();
    for (int64_t i : candidates) values.push_back(x[i]);
    std::fill(x, x + n, -std::numeric_limits<float>::infinity());
    for (size_t i = 0; i < candidates.size(); i++) x[candidates[i]] = values[i];
    return static_cast<int64_t>(candidates.size());
}

}  // namespace

int64_t ck_argmax(const float *x, int64_t n) {
    int64_t best = 0;
    for (int64_t i = 0; i < n; i++) {
        if (x[i] != x[i]) return -1;
        if (x[i] > x[best]) best = i;
    }
    return best;
}

int64_t ck_filter(float *x, int64_t n, double temperature, int64_t top_k, double top_p, double min_p) {
    try {
        return filter(x, n, temperature, top_k, top_p, min_p);
    } catch (const std::bad_alloc &) {
        return -2;
    }
}

double ck_gumbel(uint64_t seed, uint64_t position, uint64_t token) {
    return gumbel(noise_bits(noise_key(seed, position), token));
}

int64_t ck_gumbel_argmax(const float *x, int64_t n, double temperature, uint64_t seed, uint64_t position) {
    int64_t best = ck_argmax(x, n);
    if (best < 0) return -1;
    // Starting with the most likely token: few others can still win, and only those need logarithms.
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
