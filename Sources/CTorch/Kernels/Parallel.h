// LibTorch's own OpenMP pool: Swift's clang has no OpenMP, and a second pool would fight with the first.
#pragma once

#include <dlfcn.h>

#include <atomic>
#include <cstdint>

namespace ct::kernels {

// Threads to use; ct_set_threads sets it.
inline std::atomic<int32_t> thread_count{1};

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

inline const OpenMP &openmp() {
    static const OpenMP instance;
    return instance;
}

// Threads for `work` multiplications: more than one if they are worth a region (about 1 µs).
inline int32_t team_size(double work) {
    const int32_t wanted = thread_count.load(std::memory_order_relaxed);
    return wanted <= 1 || work < 50000 || openmp().parallel == nullptr ? 1 : wanted;
}

// Runs body(thread, threads) on every thread of a team of at most `size`. It must not throw there, where nobody catches: what
// it needs is allocated before.
template <typename Body>
void on_team_of(int32_t size, const Body &body) {
    if (size == 1) return body(0, 1);
    openmp().parallel(
        [](void *data) { (*static_cast<const Body *>(data))(openmp().thread(), openmp().threads()); },
        const_cast<Body *>(&body), size, 0);
}

// Runs body(first, last) over parts of 0 ..< count, in parallel if `work` multiplications are worth a region.
template <typename Body>
void in_parallel(int64_t count, double work, const Body &body) {
    on_team_of(team_size(count <= 1 ? 0 : work), [&](int64_t thread, int64_t threads) {
        const int64_t first = count * thread / threads, last = count * (thread + 1) / threads;
        if (first < last) body(first, last);
    });
}

}  // namespace ct::kernels
