#include "Graphs.h"

#include <c10/util/Exception.h>

namespace ct::passes {

bool Graphs::run(const ct_k_shape &shape, const Plan &plan) {
    const std::unique_lock<std::mutex> lock(mutex, std::try_to_lock);
    if (!lock.owns_lock() || !works) return false;
    if (recordings.size() > kMost) recordings.clear();
    const auto [place, is_new] = recordings.try_emplace(plan.key);
    if (is_new) return false;
    Recording &recording = place->second;
    if (recording.execution == nullptr && !record(recording, shape, plan)) return false;
    recording.execution->load(plan);
    if (recording.graph != nullptr) recording.graph->replay();
    else recording.execution->run();
    recording.execution->bring(plan);
    replayed++;
    return true;
}

bool Graphs::record(Recording &recording, const ct_k_shape &shape, const Plan &plan) {
    auto execution = std::make_unique<Execution>(shape, plan);
    if (!replays_operations) {
        auto graph = std::make_unique<CudaGraph>();
        try {
            graph->begin();
            execution->run();
            graph->end();
        } catch (const std::exception &error) {
            // Slower, but not wrong: what can't be recorded is run operation by operation from here on.
            works = false;
            try {
                graph->end();
            } catch (const std::exception &) {
            }
            TORCH_WARN("passes are not recorded as graphs on this device: ", error.what());
            return false;
        }
        execution->release();
        recording.graph = std::move(graph);
    }
    recording.execution = std::move(execution);
    return true;
}

}  // namespace ct::passes
