// The kernels' own threads.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "ck_threads.h"

namespace ck {

// Threads that start at the first region that needs them and live as long as the process. Between regions they spin for some
// microseconds, since the kernels of a pass follow each other closely, and then sleep. A child made by fork() has none of
// them: regions of more than one thread must not run there.
class Pool {
public:
    // As a ck_team. Regions of several callers run one after another; one within another runs on its caller alone.
    void run(int32_t threads, ck_region region, void *context);

private:
    // Spins, then sleeps until a condition on atomics holds; who makes it hold calls notify() afterwards.
    class Condition {
    public:
        template <typename Ready>
        void wait(const Ready &ready);
        void notify();

    private:
        std::atomic<int32_t> sleepers{0};
        std::mutex mutex;
        std::condition_variable changed;
    };

    // Counts the regions of one worker; the others sleep on.
    struct alignas(64) Worker {
        std::atomic<uint32_t> regions{0};
        Condition started;
    };

    // Of the region that runs; its workers read this before the caller returns.
    ck_region region = nullptr;
    void *context = nullptr;
    int32_t team = 0;
    alignas(64) std::atomic<int32_t> working{0};
    Condition finished;
    std::mutex one_at_a_time;
    std::vector<std::unique_ptr<Worker>> workers;

    void start_workers(int32_t wanted);
    void work(Worker &self, int32_t thread);
};

}  // namespace ck
