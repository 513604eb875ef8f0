// Which instruction set runs, and on how many threads.
#include <algorithm>

#include "Isa.h"
#include "Parallel.h"

namespace ct::kernels {
namespace {

std::atomic<const Isa *> isa_in_force{nullptr};

int32_t best_isa() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
        return __builtin_cpu_supports("avx512vnni") ? 3 : 2;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 1;
#endif
    return 0;
}

}  // namespace

const Isa &isa() {
    const Isa *chosen = isa_in_force.load(std::memory_order_relaxed);
    if (chosen == nullptr) {
        ct_kernels_set_isa(-1);
        chosen = isa_in_force.load(std::memory_order_relaxed);
    }
    return *chosen;
}

int32_t isa_level() {
    [[maybe_unused]] const Isa &chosen = isa();
#if defined(__x86_64__)
    if (&chosen == &avx512_vnni) return 3;
    if (&chosen == &avx512) return 2;
    if (&chosen == &avx2) return 1;
#endif
    return 0;
}

}  // namespace ct::kernels

void ct_kernels_set_threads(int32_t threads) { ct::kernels::thread_count = std::max(1, threads); }

int32_t ct_kernels_set_isa(int32_t wanted) {
    using namespace ct::kernels;
    const int32_t best = best_isa();
    const int32_t chosen = wanted < 0 ? best : std::min(wanted, best);
#if defined(__x86_64__)
    isa_in_force = chosen == 3 ? &avx512_vnni : chosen == 2 ? &avx512 : chosen == 1 ? &avx2 : &portable;
#else
    isa_in_force = &portable;
#endif
    return chosen;
}
