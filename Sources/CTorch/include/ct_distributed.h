// Collectives between processes: c10d's store, Gloo for CPU tensors, NCCL for CUDA tensors.
//
// No function here reports a programmer error: a missing peer, port or network is CT_RUNTIME_ERROR, or CT_TIMED_OUT if the
// timeout expired first.
#ifndef CT_DISTRIBUTED_H
#define CT_DISTRIBUTED_H

#include "ct_tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_store_s *ct_store;
typedef struct ct_group_s *ct_group;
typedef struct ct_work_s *ct_work;

enum { CT_TIMED_OUT = 4 };

// MARK: the store, c10d::TCPStore; thread-safe, calls on one connection are serialised
// Serves the store on a port (0: any free port) or connects to it. NULL if that takes longer than `timeout_ms`.
ct_store ct_store_open(const char *host, uint16_t port, bool serve, int64_t timeout_ms);
void ct_store_release(ct_store store);
uint16_t ct_store_port(ct_store store);
int32_t ct_store_set(ct_store store, const char *key, const void *bytes, size_t count);
// Waits for the key, copies at most `capacity` bytes, and sets `count` to the value's full size.
int32_t ct_store_get(ct_store store, const char *key, void *bytes, size_t capacity, size_t *count);
// Adds to a counter that starts at 0, and returns its new value.
int32_t ct_store_add(ct_store store, const char *key, int64_t amount, int64_t *value);
int32_t ct_store_has(ct_store store, const char *key, bool *found);

// MARK: groups
// Returns when all ranks have joined; NULL if that takes longer than `join_timeout_ms`. Listens on the network interface
// `interface_or_null` or, if it is NULL, on the one with `address`. `timeout_ms` applies to collectives.
ct_group ct_group_gloo(
    ct_store store, const char *prefix, int32_t rank, int32_t size, const char *interface_or_null, const char *address,
    int64_t join_timeout_ms, int64_t timeout_ms);
// NCCL on the CUDA device with index `device`; NULL if this LibTorch has no NCCL.
ct_group ct_group_nccl(
    ct_store store, const char *prefix, int32_t rank, int32_t size, int32_t device, int64_t timeout_ms);
// Waits for work in progress, so it can block if a peer is lost; do not release such a group.
void ct_group_release(ct_group group);

// MARK: collectives, in place and asynchronous; every rank calls the same ones in the same order with contiguous tensors of
// equal shape, and must not access them until the work is complete
ct_work ct_all_reduce(ct_group group, ct_tensor tensor);
// The sum is stored in the tensor of rank `root`; those of the other ranks are undefined afterwards.
ct_work ct_reduce(ct_group group, ct_tensor tensor, int32_t root);
ct_work ct_broadcast(ct_group group, ct_tensor tensor, int32_t root);
// CT_TIMED_OUT: not complete yet, call again. `finished_ns`: the time of completion by std::chrono::steady_clock (on CUDA, the
// time at which it was enqueued).
int32_t ct_work_wait(ct_work work, int64_t timeout_ms, int64_t *finished_ns);
void ct_work_release(ct_work work);

// MARK: gradients as they become final
// As ct_backward, and calls `callback` with the index of each leaf as soon as its gradient is final; on the CPU from this
// thread.
typedef void (*ct_leaf_callback)(void *context, int32_t index);
int32_t ct_backward_notifying(
    ct_tensor t, ct_tensor gradient, const ct_tensor *leaves, int32_t count, ct_leaf_callback callback, void *context);

#ifdef __cplusplus
}
#endif
#endif
