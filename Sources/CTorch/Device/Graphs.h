// Passes that were recorded once and run again: on a GPU as graphs, which start hundreds of kernels at once.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <thread>

#include "CudaGraph.h"
#include "Execution.h"

namespace ct::passes {

// The recorded passes of a device, by their plans' keys, for one thread at a time. A pass is recorded when it comes a second
// time: the first time, run operation by operation, has uploaded what it needs and made the libraries' handles of its thread.
class Graphs {
public:
    explicit Graphs(bool replays_operations) : replays_operations(replays_operations) {}

    // False if nothing was run, and the pass is to run operation by operation.
    bool run(ct_decoder_s &decoder, const Plan &plan);
    // It did so, without an error.
    void mark_executed(const Plan &plan);
    // Releases all recordings and their memory.
    void forget();

    // Passes that ran from a recording.
    int64_t replays() const { return replayed; }

private:
    struct Recording {
        std::unique_ptr<Execution> execution;
        std::unique_ptr<CudaGraph> graph;  // null: the execution is run again
        int64_t used = 0;
    };
    using Key = std::vector<int64_t>;

    // All share one pool: a recording keeps the memory of its numbers and results only.
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
