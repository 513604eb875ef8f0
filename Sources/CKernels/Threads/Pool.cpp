#include "Pool.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <new>
#include <thread>

#include "Parallel.h"

namespace ck {
namespace {

// Longer than the serial part between two kernels, shorter than a scheduler's time slice.
constexpr std::chrono::microseconds kSpin{30};

// Whether this thread is running a region of the pool.
thread_local bool is_inside = false;

}  // namespace

template <typename Ready>
void Pool::Condition::wait(const Ready &ready) {
    const auto end = std::chrono::steady_clock::now() + kSpin;
    do {
        for (int i = 0; i < 32; i++) {
            if (ready()) return;
            pause();
        }
    } while (std::chrono::steady_clock::now() < end);
    std::unique_lock<std::mutex> lock(mutex);
    // Sequentially consistent, like the load in `ready` and the store before notify(), so that one of the two threads sees the
    // other's.
    sleepers.fetch_add(1);
    changed.wait(lock, ready);
    sleepers.fetch_sub(1);
}

void Pool::Condition::notify() {
    if (sleepers.load() == 0) return;
    // Taking the lock ensures that no sleeper is between its check and its sleep.
    { const std::lock_guard<std::mutex> lock(mutex); }
    changed.notify_all();
}

void Pool::run(int32_t threads, ck_region wanted, void *with) {
    if (threads <= 1 || is_inside) return wanted(with, 0, 1);
    const std::lock_guard<std::mutex> lock(one_at_a_time);
    start_workers(threads - 1);
    team = std::min(threads, int32_t(workers.size()) + 1);
    if (team == 1) return wanted(with, 0, 1);
    region = wanted, context = with;
    working.store(team - 1, std::memory_order_relaxed);
    for (int32_t i = 0; i < team - 1; i++) {
        workers[i]->regions.fetch_add(1);
        workers[i]->started.notify();
    }
    is_inside = true;
    wanted(with, 0, team);
    is_inside = false;
    finished.wait([&] { return working.load() == 0; });
}

void Pool::start_workers(int32_t wanted) {
    // If memory or threads run out, the region has fewer threads.
    while (int32_t(workers.size()) < wanted) {
        try {
            workers.push_back(std::make_unique<Worker>());
        } catch (const std::bad_alloc &) {
            return;
        }
        try {
            std::thread([this, self = workers.back().get(), thread = int32_t(workers.size())] {
                work(*self, thread);
            }).detach();
        } catch (const std::exception &) {
            workers.pop_back();
            return;
        }
    }
}

void Pool::work(Worker &self, int32_t thread) {
    is_inside = true;
    for (uint32_t seen = 0;; seen++) {
        self.started.wait([&] { return self.regions.load() != seen; });
        region(context, thread, team);
        if (working.fetch_sub(1) == 1) finished.notify();
    }
}

}  // namespace ck
