// The number of threads and the current team.
#include "ck_threads.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <new>

#include "Parallel.h"
#include "Platform.h"
#include "Pool.h"

namespace ck {
namespace {

// 0 until it is set or first read.
std::atomic<int32_t> thread_count{0};

struct Team {
    ck_team run;
    void *pool;
};
std::atomic<const Team *> host_team{nullptr};

std::mutex choice;
std::atomic<Pool *> own_pool{nullptr};

// Starts and returns our own pool; null if a host's team was set first. Pool and teams are never destroyed, since threads may use
// them until the process ends.
Pool *start_own_pool() {
    const std::lock_guard<std::mutex> lock(choice);
    if (host_team.load() == nullptr && own_pool.load() == nullptr) own_pool = new (std::nothrow) Pool;
    return own_pool.load();
}

}  // namespace

int32_t team_size(double work) { return work < 50000 ? 1 : ck_threads(); }

void run_region(int32_t size, ck_region region, void *context) {
    const Team *team = host_team.load(std::memory_order_acquire);
    Pool *pool = team == nullptr ? own_pool.load(std::memory_order_acquire) : nullptr;
    if (team == nullptr && pool == nullptr) {
        pool = start_own_pool();
        team = host_team.load(std::memory_order_acquire);
    }
    if (pool != nullptr) return pool->run(size, region, context);
    if (team != nullptr) return team->run(team->pool, size, region, context);
    region(context, 0, 1);
}

}  // namespace ck

void ck_set_threads(int32_t threads) { ck::thread_count = std::max(1, threads); }

int32_t ck_threads(void) {
    const int32_t count = ck::thread_count.load(std::memory_order_relaxed);
    if (count > 0) return count;
    int32_t none = 0;
    ck::thread_count.compare_exchange_strong(none, ck_default_threads());
    return ck::thread_count.load(std::memory_order_relaxed);
}

int32_t ck_default_threads(void) {
    const char *const wish = std::getenv("OMP_NUM_THREADS");
    const long count = wish == nullptr ? 0 : std::strtol(wish, nullptr, 10);
    const int32_t usable = ck::usable_processors();
    return count >= 1 ? static_cast<int32_t>(std::min<long>(count, usable)) : usable;
}

bool ck_use_team(ck_team run, void *pool) {
    const std::lock_guard<std::mutex> lock(ck::choice);
    if (ck::own_pool.load() != nullptr) return false;
    const auto *const team = new (std::nothrow) ck::Team{run, pool};
    if (team == nullptr) return false;
    ck::host_team.store(team, std::memory_order_release);
    return true;
}
