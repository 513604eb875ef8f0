// Selection of the instruction set.
#include "Isa.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace ck {
namespace {

std::atomic<const Isa *> current{nullptr};

constexpr const char *names[] = {"portable", "avx2", "avx512", "avx512vnni"};
constexpr int32_t count = sizeof(names) / sizeof(names[0]);

int32_t best_isa() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
        return __builtin_cpu_supports("avx512vnni") ? CK_AVX512_VNNI : CK_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return CK_AVX2;
#endif
    return CK_PORTABLE;
}

// The set named by FORETOKEN_ISA, or the best one. An unknown or unsupported name is reported once.
int32_t default_isa() {
    static const int32_t chosen = [] {
        const int32_t best = best_isa();
        const char *const wanted = std::getenv("FORETOKEN_ISA");
        if (wanted == nullptr || *wanted == '\0') return best;
        const auto *const known =
            std::find_if(names, names + count, [&](const char *name) { return !std::strcmp(name, wanted); });
        if (known - names <= best) return int32_t(known - names);
        // The foretoken command rejects such a name before running a kernel; other programs get this warning.
        std::fprintf(
            stderr, "warning: FORETOKEN_ISA=%s: %s; using %s. Known: portable, avx2, avx512, avx512vnni.\n", wanted,
            known == names + count ? "unknown instruction set" : "not supported by this processor", names[best]);
        return best;
    }();
    return chosen;
}

}  // namespace

const Isa &isa() {
    const Isa *chosen = current.load(std::memory_order_relaxed);
    if (chosen == nullptr) {
        ck_set_isa(-1);
        chosen = current.load(std::memory_order_relaxed);
    }
    return *chosen;
}

}  // namespace ck

int32_t ck_set_isa(int32_t wanted) {
    using namespace ck;
    const int32_t chosen = wanted < 0 ? default_isa() : std::min(wanted, best_isa());
#if defined(__x86_64__)
    constexpr const Isa *table[] = {&portable, &avx2, &avx512, &avx512_vnni};
    current = table[chosen];
#else
    current = &portable;
#endif
    return chosen;
}

int32_t ck_isa(void) { return ck::isa().id; }

const char *ck_isa_name(int32_t isa) { return isa < 0 || isa >= ck::count ? nullptr : ck::names[isa]; }
