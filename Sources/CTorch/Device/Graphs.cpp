#include "Graphs.h"

#include <c10/util/Exception.h>

#include <algorithm>

namespace ct::passes {

bool Graphs::run(ct_decoder_s &decoder, const Plan &plan) {
    if (!works) return false;
    const auto known = recordings.find(plan.key);
    Recording *recording = known != recordings.end() ? &known->second : nullptr;
    if (recording == nullptr && seen.contains(plan.key) && threads.contains(std::this_thread::get_id()))
        recording = record(decoder, plan);
    if (recording == nullptr) return false;
    recording->used = ++uses;
    recording->execution->load(plan);
    if (recording->graph != nullptr) recording->graph->replay();
    else recording->execution->run();
    recording->execution->copy_results(plan);
    replayed++;
    return true;
}

void Graphs::mark_executed(const Plan &plan) {
    threads.insert(std::this_thread::get_id());
    if (seen.size() >= kMostSeen) seen.clear();
    seen.insert(plan.key);
}

void Graphs::forget() {
    recordings.clear();
    pool = {0, 0};
}

Graphs::Recording *Graphs::record(ct_decoder_s &decoder, const Plan &plan) {
    if (recordings.size() >= kMostRecordings)
        recordings.erase(std::min_element(recordings.begin(), recordings.end(), [](const auto &a, const auto &b) {
            return a.second.used < b.second.used;
        }));
    Recording recording;
    try {
        recording.execution = std::make_unique<Execution>(decoder, plan);
        if (!replays_operations) {
            recording.graph = std::make_unique<CudaGraph>();
            recording.graph->begin(pool);
            try {
                recording.execution->run();
            } catch (...) {
                try {
                    recording.graph->end();
                } catch (const std::exception &) {
                }
                throw;
            }
            recording.graph->end();
            pool = recording.graph->pool();
            recording.execution->release();
        }
    } catch (const c10::OutOfMemoryError &) {
        // Releases all recordings to make room for the pass itself.
        recording = {};
        forget();
        return nullptr;
    } catch (const std::exception &error) {
        // Passes run operation by operation from now on: slower, with the same results.
        works = false;
        TORCH_WARN("decoding passes cannot be captured as CUDA graphs on this device: ", error.what());
        return nullptr;
    }
    return &recordings.insert_or_assign(plan.key, std::move(recording)).first->second;
}

}  // namespace ct::passes
