// Collectives of any process group, and handles to the work in progress.
#include "Group.h"

using namespace ct;
using namespace ct::distributed;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

namespace {

// The completion of a collective, set by a thread of c10d's, which may outlive the handle.
struct Completion {
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
    Clock::time_point at;
};

}  // namespace

struct ct_work_s {
    c10::intrusive_ptr<c10d::Work> work;
    std::shared_ptr<Completion> completion;
};

namespace {

ct_work begin(ct_tensor tensor, auto &&call) {
    return attempt<ct_work>(nullptr, [&] {
        std::vector<at::Tensor> tensors = {borrow(tensor).detach()};
        TORCH_CHECK(tensors[0].is_contiguous(), "a collective needs a contiguous tensor");
        auto handle = std::make_unique<ct_work_s>(ct_work_s{call(tensors), std::make_shared<Completion>()});
        handle->work->getFuture()->addCallback([completion = handle->completion](c10::ivalue::Future &) {
            std::lock_guard lock(completion->mutex);
            completion->done = true;
            completion->at = Clock::now();
            completion->changed.notify_all();
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
        auto &completion = *work->completion;
        {
            std::unique_lock lock(completion.mutex);
            if (!completion.changed.wait_for(lock, milliseconds(timeout_ms), [&] { return completion.done; })) throw TimedOut();
            *finished_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(completion.at.time_since_epoch()).count();
        }
        // Rethrows the work's exception; on CUDA, makes this thread's stream wait for the work.
        work->work->wait();
    });
}

void ct_work_release(ct_work work) { delete work; }
void ct_group_release(ct_group group) { delete group; }
