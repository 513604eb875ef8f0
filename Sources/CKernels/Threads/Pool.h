// The kernels' own thread pool.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "ck_threads.h"

namespace ck {

// A thread pool. Threads start at the first region that needs them and live as long as the process. Between regions they spin for
// some microseconds, since the kernels of a pass follow each other closely, and then sleep. The pool does not survive fork(): a
// child process must not run regions of more than one thread.
class Pool {
public:
    // Implements ck_team. Concurrent callers are serialized; a nested region runs on its calling thread alone.
    void run(int32_t threads, ck_region region, void *context);

private:
    // Spins, then sleeps, until a condition on atomics holds; the thread that makes it true must then call notify().
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

    // One thread; `regions` counts its regions. Workers that a region does not need stay asleep.
    struct alignas(64) Worker {
        std::atomic<uint32_t> regions{0};
        Condition started;
    };

    // The current region; its workers read these before the caller returns.
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
