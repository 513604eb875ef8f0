// Recorded passes: on a GPU as CUDA graphs, which launch hundreds of kernels at once.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <thread>

#include "CudaGraph.h"
#include "Execution.h"

namespace ct::passes {

// A decoder's recorded passes by plan key; not thread-safe. A pass is recorded at its second occurrence: the first one, run
// operation by operation, has uploaded constants and created the thread's library handles, which is not allowed in a capture.
class Graphs {
public:
    explicit Graphs(bool replays_operations) : replays_operations(replays_operations) {}

    // Runs the pass from a recording. Returns false if there is none; the caller then runs it operation by operation.
    bool run(ct_decoder_s &decoder, const Plan &plan);
    // To be called after a pass has run operation by operation without an error.
    void mark_executed(const Plan &plan);
    // Releases all recordings and their memory.
    void forget();

    // The number of passes run from a recording.
    int64_t replays() const { return replayed; }

private:
    struct Recording {
        std::unique_ptr<Execution> execution;
        std::unique_ptr<CudaGraph> graph;  // null: `execution` is run again
        int64_t used = 0;
    };
    using Key = std::vector<int64_t>;

    // All graphs share one memory pool; a recording holds only the memory of its inputs and results.
    static constexpr size_t kMostRecordings = 96, kMostSeen = 1024;

    const bool replays_operations;  // for tests on devices without graphs
    bool works = true;
    int64_t replayed = 0, uses = 0;
    std::set<Key> seen;
    std::set<std::thread::id> threads;
    std::map<Key, Recording> recordings;
    CudaGraph::Pool pool = {0, 0};

    Recording *record(ct_decoder_s &decoder, const Plan &plan);
};

}  // namespace ct::passes
