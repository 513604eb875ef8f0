// The spin barrier between two steps of a pass.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "../Threads/Parallel.h"

namespace ck {

// Spins, since steps take microseconds; yields after a while, since another program may be running on the other thread's core.
class Barrier {
public:
    void wait(int64_t threads) {
        if (threads == 1) return;
        const uint32_t generation = generation_.load(std::memory_order_acquire);
        if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads) {
            arrived_.store(0, std::memory_order_relaxed);
            generation_.store(generation + 1, std::memory_order_release);
            return;
        }
        for (int spins = 0; generation_.load(std::memory_order_acquire) == generation; spins++) {
            if (spins < 20000) {
                pause();
            } else {
                std::this_thread::yield();
            }
        }
    }

private:
    alignas(64) std::atomic<int64_t> arrived_{0};
    alignas(64) std::atomic<uint32_t> generation_{0};
};

}  // namespace ck
