// The C entry points of the kernels: choice of instruction set, threads, and what needs no vector code.
#include "ct_kernels.h"

#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <vector>

#include "Isa.h"

using namespace ct::kernels;

namespace {

std::atomic<int32_t> thread_count{1};
std::atomic<const Isa *> isa_in_force{nullptr};

int32_t best_isa() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
        return 2;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 1;
#endif
    return 0;
}

const Isa &isa() {
    const Isa *chosen = isa_in_force.load(std::memory_order_relaxed);
    if (chosen == nullptr) {
        ct_kernels_set_isa(-1);
        chosen = isa_in_force.load(std::memory_order_relaxed);
    }
    return *chosen;
}

// LibTorch's own OpenMP pool: Swift's clang has no OpenMP, and a second pool would fight with the first.
struct OpenMP {
    void (*parallel)(void (*)(void *), void *, unsigned, unsigned);
    int (*thread)();
    int (*threads)();
    OpenMP() {
        parallel = reinterpret_cast<decltype(parallel)>(dlsym(RTLD_DEFAULT, "GOMP_parallel"));
        thread = reinterpret_cast<decltype(thread)>(dlsym(RTLD_DEFAULT, "omp_get_thread_num"));
        threads = reinterpret_cast<decltype(threads)>(dlsym(RTLD_DEFAULT, "omp_get_num_threads"));
        if (thread == nullptr || threads == nullptr) parallel = nullptr;
    }
};

const OpenMP &openmp() {
    static const OpenMP instance;
    return instance;
}

// Runs body(first, last) over parts of 0 ..< count, in parallel if `work` multiplications are worth a region (about 1 µs).
template <typename Body>
void in_parallel(int64_t count, double work, const Body &body) {
    const int32_t threads = thread_count.load(std::memory_order_relaxed);
    if (threads <= 1 || count <= 1 || work < 50000 || openmp().parallel == nullptr) return body(int64_t(0), count);
    struct Region {
        const Body *body;
        int64_t count;
    } region = {&body, count};
    openmp().parallel(
        [](void *data) {
            const Region &r = *static_cast<Region *>(data);
            const int64_t thread = openmp().thread(), threads = openmp().threads();
            const int64_t first = r.count * thread / threads, last = r.count * (thread + 1) / threads;
            if (first < last) (*r.body)(first, last);
        },
        &region, threads, 0);
}

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

void ct_kernels_set_threads(int32_t threads) { thread_count = std::max(1, threads); }

int32_t ct_kernels_set_isa(int32_t wanted) {
    const int32_t best = best_isa();
    const int32_t chosen = wanted < 0 ? best : std::min(wanted, best);
#if defined(__x86_64__)
    isa_in_force = chosen == 2 ? &avx512 : chosen == 1 ? &avx2 : &portable;
#else
    isa_in_force = &portable;
#endif
    return chosen;
}

void ct_k_linear(const ct_k_job *jobs, int32_t count, const float *x, int64_t rows, int64_t x_stride, int64_t in) {
    const Isa &k = isa();
    // All jobs' columns as one range, in units of 8 so that threads do not share cache lines of weights needlessly.
    int64_t units = 0;
    for (int32_t i = 0; i < count; i++) units += (jobs[i].out + 7) / 8;
    in_parallel(units, double(units) * 8 * double(in) * double(rows), [&](int64_t first, int64_t last) {
        int64_t start = 0;
        for (int32_t i = 0; i < count; i++) {
            const ct_k_job &job = jobs[i];
            const int64_t end = start + (job.out + 7) / 8;
            const int64_t from = (std::max(first, start) - start) * 8;
            const int64_t to = std::min((std::min(last, end) - start) * 8, job.out);
            if (from < to)
                k.linear(job.w, from, to, x, rows, x_stride, in, job.y, job.y_stride, job.accumulate != 0);
            start = end;
        }
    });
}

void ct_k_rms_norm(const float *x, int64_t rows, int64_t width, const float *weight, float eps, float *y) {
    isa().rms_norm(x, rows, width, weight, eps, y);
}

void ct_k_swiglu(const float *gate, const float *up, int64_t count, float *y) {
    const Isa &k = isa();
    in_parallel((count + 63) / 64, double(count) * 10, [&](int64_t first, int64_t last) {
        const int64_t from = first * 64, to = std::min(last * 64, count);
        k.swiglu(gate + from, up + from, to - from, y + from);
    });
}

void ct_k_rope(
    float *x, int64_t rows, int64_t heads, int64_t head_dim, const int64_t *positions, const float *cosine,
    const float *sine
) {
#pragma clang fp contract(off)
    const int64_t half = head_dim / 2;
    for (int64_t r = 0; r < rows; r++) {
        const float *c = cosine + positions[r] * half, *s = sine + positions[r] * half;
        for (int64_t h = 0; h < heads; h++, x += head_dim) {
            for (int64_t i = 0; i < half; i++) {
                const float a = x[i], b = x[half + i];
                x[i] = a * c[i] - b * s[i];
                x[half + i] = b * c[i] + a * s[i];
            }
        }
    }
}

void ct_k_cache_append(
    const float *x, int64_t rows, int64_t kv_heads, int64_t head_dim, float *cache, int64_t capacity,
    int64_t first_slot
) {
    for (int64_t r = 0; r < rows; r++)
        for (int64_t h = 0; h < kv_heads; h++, x += head_dim)
            std::memcpy(cache + (h * capacity + first_slot + r) * head_dim, x, head_dim * sizeof(float));
}

void ct_k_attention(
    const float *q, int64_t rows, int64_t heads, int64_t kv_heads, int64_t head_dim, const float *k_cache,
    const float *v_cache, int64_t capacity, const int64_t *lengths, float scale, float *out
) {
    const Isa &k = isa();
    const Attention a = {q, heads, kv_heads, head_dim, k_cache, v_cache, capacity, lengths, scale, out};
    const int64_t longest = *std::max_element(lengths, lengths + rows);
    in_parallel(rows * heads, double(rows * heads) * double(longest * head_dim) * 2, [&](int64_t first, int64_t last) {
        thread_local std::vector<float> scores;
        if (scores.size() < static_cast<size_t>(longest) + 16) scores.resize(longest + 16);
        k.attention(a, first, last, scores.data());
    });
}

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
