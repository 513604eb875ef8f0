#include "OpenMPTeam.h"

#include <dlfcn.h>

#include "ck_threads.h"

namespace {

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

struct Call {
    ck_region region;
    void *context;
};

// A ck_team. A nested region runs on one thread.
void run(void *, int32_t threads, ck_region region, void *context) {
    if (openmp().parallel == nullptr) return region(context, 0, 1);
    Call call = {region, context};
    openmp().parallel(
        [](void *data) {
            const auto &call = *static_cast<const Call *>(data);
            call.region(call.context, openmp().thread(), openmp().threads());
        },
        &call, static_cast<unsigned>(threads), 0);
}

}  // namespace

void ct::use_openmp_team() { ck_use_team(run, nullptr); }
