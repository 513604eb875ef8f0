// A model's device, and passes on it: operation by operation, or from a recording.
#include "Device.h"

#include <c10/core/InferenceMode.h>

#include "../internal.h"
#include "Graphs.h"

using namespace ct::passes;

ct_k_device_s::ct_k_device_s(at::Device device, at::ScalarType dtype, int64_t tile, bool with_graphs)
    : device(device), dtype(dtype), tile(tile) {
    if (!with_graphs || !device.is_cuda() || !CudaGraph::exists()) return;
    graphs = std::make_unique<Graphs>(false);
    stream = c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device);
}

ct_k_device_s::~ct_k_device_s() = default;

ct_k_device ct_k_device_new(ct_device device, int32_t dtype, int64_t tile, bool with_graphs) {
    return new ct_k_device_s(ct::device(device), ct::scalar_type(dtype), tile, with_graphs);
}

void ct_k_device_release(ct_k_device device) { delete device; }

void ct_k_device_replay_operations(ct_k_device device) { device->graphs = std::make_unique<Graphs>(true); }

int64_t ct_k_device_replays(ct_k_device device) { return device->graphs == nullptr ? 0 : device->graphs->replays(); }

int32_t ct_k_run_on_device(const ct_k_shape *shape, const ct_k_op *ops, int32_t count) {
    return ct::guarded_status([&] {
        const c10::InferenceMode guard;
        const ct_k_device_s::OnStream stream(*shape->device);
        for (int32_t done = 0; done < count;) {
            Plan plan(*shape, ops + done, count - done);
            done += plan.taken;
            if (plan.steps.empty()) continue;
            if (shape->device->graphs != nullptr && shape->device->graphs->run(*shape, plan)) continue;
            Execution execution(*shape, plan);
            execution.load(plan);
            execution.run();
            execution.bring(plan);
            if (shape->device->graphs != nullptr) shape->device->graphs->ran(plan);
        }
    });
}
