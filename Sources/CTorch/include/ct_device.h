// CUDA streams and graphs. The stream functions do nothing on the CPU.
#ifndef CT_DEVICE_H
#define CT_DEVICE_H

#include "ct_tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

// Waits until the device has finished all submitted work.
int32_t ct_synchronize(ct_device device);
// Synchronises the device, then makes a stream other than the default one current for this thread, since the default stream
// cannot be captured.
int32_t ct_leave_default_stream(ct_device device);

// A CUDA graph: captures the work of this thread's current stream from `begin` to `end`; `replay` launches it. LibTorch's
// graphs are looked up by symbol name and untested on a GPU.
typedef struct ct_graph_s *ct_graph;
bool ct_graphs_exist(void);
ct_graph ct_graph_new(void);
void ct_graph_release(ct_graph graph);
int32_t ct_graph_begin(ct_graph graph);
int32_t ct_graph_end(ct_graph graph);
int32_t ct_graph_replay(ct_graph graph);

#ifdef __cplusplus
}
#endif
#endif
