// A model's decoder. Runs passes on its device operation by operation, or replays recorded ones.
#include "Device.h"

#include <c10/core/InferenceMode.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "../internal.h"
#include "Graphs.h"

using namespace ct::passes;

ct_decoder_s::ct_decoder_s(
    at::Device device, at::ScalarType dtype, int64_t tile, bool with_graphs, const ct_decode_shape &shape
)
    : device(device), dtype(dtype), tile(tile), shape(shape) {
    if (!with_graphs || !device.is_cuda() || !CudaGraph::exists()) return;
    graphs = std::make_unique<Graphs>(false);
    stream = c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device);
}

ct_decoder_s::~ct_decoder_s() = default;

ct_decoder ct_decoder_new(ct_device device, int32_t dtype, int64_t tile, bool with_graphs, ct_decode_shape shape) {
    return new ct_decoder_s(ct::device(device), ct::scalar_type(dtype), tile, with_graphs, shape);
}

void ct_decoder_release(ct_decoder decoder) { delete decoder; }

void ct_decoder_replay_operations(ct_decoder decoder) { decoder->graphs = std::make_unique<Graphs>(true); }

int64_t ct_decoder_replays(ct_decoder decoder) { return decoder->graphs == nullptr ? 0 : decoder->graphs->replays(); }

int32_t ct_decode_run(ct_decoder decoder, ct_decode_cache cache, const ct_decode_op *ops, int32_t count) {
    return ct::guarded_status([&] {
        const c10::InferenceMode guard;
        const ct_decoder_s::OnStream stream(*decoder);
        Graphs *const graphs = decoder->graphs.get();
        for (int32_t done = 0; done < count;) {
            Plan plan(*decoder, *cache, ops + done, count - done);
            done += plan.taken;
            if (plan.steps.empty()) continue;
            if (graphs != nullptr && graphs->run(*decoder, plan)) continue;
            Execution execution(*decoder, plan);
            execution.load(plan);
            execution.run();
            execution.copy_results(plan);
            if (graphs != nullptr) graphs->mark_executed(plan);
        }
    });
}
