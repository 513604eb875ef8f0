// A GPU's streams and captured work. On the CPU all of it does nothing.
#ifndef CT_DEVICE_H
#define CT_DEVICE_H

#include "ct_tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

// Waits until a device has done all it was given.
int32_t ct_synchronize(ct_device device);
// Gives this thread another stream than the default one, which cannot be captured, once the device is done.
int32_t ct_leave_default_stream(ct_device device);

// Work of this thread's current stream from `begin` to `end`, launched as a whole by `replay`. LibTorch's CUDA graphs, found
// by symbol name; no GPU has run them yet.
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
