// Which instruction set runs, and on how many threads.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "Isa.h"
#include "Parallel.h"

namespace ct::kernels {
namespace {

std::atomic<const Isa *> isa_in_force{nullptr};

constexpr const char *names[] = {"portable", "avx2", "avx512", "avx512vnni"};
constexpr int32_t count = sizeof(names) / sizeof(names[0]);

int32_t best_isa() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
        return __builtin_cpu_supports("avx512vnni") ? 3 : 2;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 1;
#endif
    return 0;
}

// The set that FORETOKEN_ISA names, or the best one. A name that cannot be honoured is said once, never passed over.
int32_t default_isa() {
    static const int32_t chosen = [] {
        const int32_t best = best_isa();
        const char *const wish = std::getenv("FORETOKEN_ISA");
        if (wish == nullptr || *wish == '\0') return best;
        const auto *const known = std::find_if(names, names + count, [&](const char *name) { return !std::strcmp(name, wish); });
        if (known - names <= best) return int32_t(known - names);
        // The command refuses such a name before it runs a kernel; a program of another's is told.
        std::fprintf(
            stderr, "warning: FORETOKEN_ISA=%s: %s; using %s. Known: portable, avx2, avx512, avx512vnni.\n", wish,
            known == names + count ? "no such instruction set" : "this processor does not have it", names[best]);
        return best;
    }();
    return chosen;
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
    const int32_t chosen = wanted < 0 ? default_isa() : std::min(wanted, best_isa());
#if defined(__x86_64__)
    isa_in_force = chosen == 3 ? &avx512_vnni : chosen == 2 ? &avx512 : chosen == 1 ? &avx2 : &portable;
#else
    isa_in_force = &portable;
#endif
    return chosen;
}

const char *ct_kernels_isa_name(int32_t isa) {
    return isa < 0 || isa >= ct::kernels::count ? nullptr : ct::kernels::names[isa];
}

int32_t ct_kernels_isa(void) { return ct::kernels::isa_level(); }
