// Parallel regions on the current team (ck_threads.h).
#pragma once

#include <cstdint>

#include "ck_threads.h"

namespace ck {

// Number of threads for `work` multiplications: one if they are not worth the cost of a parallel region (about 1 µs).
int32_t team_size(double work);

// Runs region(context, thread, threads) on a team of at most `size`.
void run_region(int32_t size, ck_region region, void *context);

// Runs body(thread, threads) on every thread of a team of at most `size`. It must not throw, so it must not allocate.
template <typename Body>
void on_team_of(int32_t size, const Body &body) {
    if (size <= 1) return body(int64_t(0), int64_t(1));
    run_region(
        size,
        [](void *context, int32_t thread, int32_t threads) {
            (*static_cast<const Body *>(context))(int64_t(thread), int64_t(threads));
        },
        const_cast<Body *>(&body));
}

// Runs body(first, last) over parts of 0 ..< count, in parallel if `work` multiplications are worth a region.
template <typename Body>
void in_parallel(int64_t count, double work, const Body &body) {
    on_team_of(team_size(count <= 1 ? 0 : work), [&](int64_t thread, int64_t threads) {
        const int64_t first = count * thread / threads, last = count * (thread + 1) / threads;
        if (first < last) body(first, last);
    });
}

// Tells the processor that this thread is spinning.
inline void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

}  // namespace ck
