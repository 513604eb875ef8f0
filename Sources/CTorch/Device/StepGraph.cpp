// CUDA streams, and CUDA graphs of training steps.
#include <c10/core/impl/VirtualGuardImpl.h>

#include "../internal.h"
#include "CudaGraph.h"
#include "ct_device.h"

using ct::passes::CudaGraph;

struct ct_graph_s {
    CudaGraph graph;
};

namespace {

// As ct::guarded_status, but an error of the device is not reported as a programmer error.
template <typename Body>
int32_t run_time_status(Body &&body) {
    try {
        body();
        return CT_OK;
    } catch (...) {
        ct::record_run_time_exception();
        return ct_last_error_kind();
    }
}

}  // namespace

int32_t ct_synchronize(ct_device device) {
    return run_time_status([&] {
        const auto where = ct::device(device);
        if (where.is_cuda()) c10::impl::VirtualGuardImpl(where.type()).synchronizeDevice(where.index());
    });
}

int32_t ct_leave_default_stream(ct_device device) {
    return run_time_status([&] {
        const auto where = ct::device(device);
        if (!where.is_cuda()) return;
        const c10::impl::VirtualGuardImpl streams(where.type());
        // Work on the default stream must finish first.
        streams.synchronizeDevice(where.index());
        if (streams.getStream(where) == streams.getDefaultStream(where))
            streams.exchangeStream(streams.getStreamFromGlobalPool(where));
    });
}

bool ct_graphs_exist(void) { return ct_cuda_is_available() && CudaGraph::exists(); }

ct_graph ct_graph_new(void) {
    try {
        return new ct_graph_s{};
    } catch (...) {
        ct::record_current_exception();
        return nullptr;
    }
}

void ct_graph_release(ct_graph graph) { delete graph; }

int32_t ct_graph_begin(ct_graph graph) {
    return run_time_status([&] { graph->graph.begin({0, 0}); });
}

int32_t ct_graph_end(ct_graph graph) {
    return run_time_status([&] { graph->graph.end(); });
}

int32_t ct_graph_replay(ct_graph graph) {
    return run_time_status([&] { graph->graph.replay(); });
}
