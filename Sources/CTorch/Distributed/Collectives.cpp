// Collectives of any group, and the work they leave behind.
#include "Group.h"

using namespace ct;
using namespace ct::distributed;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

namespace {

// Told by the thread that ends the work, which may outlive the handle.
struct Ending {
    std::mutex mutex;
    std::condition_variable changed;
    bool ended = false;
    Clock::time_point at;
};

}  // namespace

struct ct_work_s {
    c10::intrusive_ptr<c10d::Work> work;
    std::shared_ptr<Ending> ending;
};

namespace {

ct_work begin(ct_tensor tensor, auto &&call) {
    return attempt<ct_work>(nullptr, [&] {
        std::vector<at::Tensor> tensors = {borrow(tensor).detach()};
        TORCH_CHECK(tensors[0].is_contiguous(), "a collective needs a contiguous tensor");
        auto handle = std::make_unique<ct_work_s>(ct_work_s{call(tensors), std::make_shared<Ending>()});
        handle->work->getFuture()->addCallback([ending = handle->ending](c10::ivalue::Future &) {
            std::lock_guard lock(ending->mutex);
            ending->ended = true;
            ending->at = Clock::now();
            ending->changed.notify_all();
        });
        return handle.release();
    });
}

}  // namespace

ct_work ct_all_reduce(ct_group group, ct_tensor tensor) {
    return begin(tensor, [&](auto &tensors) { return group->backend->allreduce(tensors); });
}

ct_work ct_reduce(ct_group group, ct_tensor tensor, int32_t root) {
    return begin(tensor, [&](auto &tensors) {
        c10d::ReduceOptions options;
        options.rootRank = root;
        return group->backend->reduce(tensors, options);
    });
}

ct_work ct_broadcast(ct_group group, ct_tensor tensor, int32_t root) {
    return begin(tensor, [&](auto &tensors) {
        c10d::BroadcastOptions options;
        options.rootRank = root;
        return group->backend->broadcast(tensors, options);
    });
}

int32_t ct_work_wait(ct_work work, int64_t timeout_ms, int64_t *finished_ns) {
    return attempt_status([&] {
        auto &ending = *work->ending;
        {
            std::unique_lock lock(ending.mutex);
            if (!ending.changed.wait_for(lock, milliseconds(timeout_ms), [&] { return ending.ended; })) throw TimedOut();
            *finished_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(ending.at.time_since_epoch()).count();
        }
        // Rethrows what ended it; on CUDA, lets this thread's stream wait for it.
        work->work->wait();
    });
}

void ct_work_release(ct_work work) { delete work; }
void ct_group_release(ct_group group) { delete group; }
