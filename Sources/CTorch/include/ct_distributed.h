// Collectives between processes: c10d's store, Gloo on the CPU, NCCL where LibTorch has CUDA.
//
// Nothing here is a programmer's error: a peer, a port or a network that is not there is CT_RUNTIME_ERROR, and
// CT_TIMED_OUT where patience ended first.
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

// MARK: the store, c10d::TCPStore; its calls may come from any thread, one connection handles them one after another
// Serves at the port (0: any that is free) or connects to it. NULL after `timeout_ms` at the latest.
ct_store ct_store_open(const char *host, uint16_t port, bool serve, int64_t timeout_ms);
void ct_store_release(ct_store store);
uint16_t ct_store_port(ct_store store);
int32_t ct_store_set(ct_store store, const char *key, const void *bytes, size_t count);
// Waits for the key; copies at most `capacity` bytes and tells how many there are.
int32_t ct_store_get(ct_store store, const char *key, void *bytes, size_t capacity, size_t *count);
// Adds to a counter that begins at 0 and tells its value.
int32_t ct_store_add(ct_store store, const char *key, int64_t amount, int64_t *value);
int32_t ct_store_has(ct_store store, const char *key, bool *found);

// MARK: groups
// Returns when all ranks have come, NULL after `timeout_ms` at the latest. `interface` names a network interface to be
// bound to, else `address` is that of one.
ct_group ct_group_gloo(
    ct_store store, const char *prefix, int32_t rank, int32_t size, const char *interface_or_null, const char *address,
    int64_t join_timeout_ms, int64_t timeout_ms);
// NCCL on the CUDA device of that index; NULL where it is not compiled in or not there.
ct_group ct_group_nccl(
    ct_store store, const char *prefix, int32_t rank, int32_t size, int32_t device, int64_t timeout_ms);
// Waits for what is under way: a group whose peer is lost is better left alone.
void ct_group_release(ct_group group);

// MARK: collectives, in place, asynchronous; every rank calls the same ones in the same order with contiguous tensors of
// equal shape, and leaves them alone until the work is done
ct_work ct_all_reduce(ct_group group, ct_tensor tensor);
// The sum is in the tensor of `root`; those of the others are undefined afterwards.
ct_work ct_reduce(ct_group group, ct_tensor tensor, int32_t root);
ct_work ct_broadcast(ct_group group, ct_tensor tensor, int32_t root);
// CT_TIMED_OUT: not yet done, ask again. `finished_ns`: when it ended, on the clock of std::chrono::steady_clock (on CUDA,
// when it was queued).
int32_t ct_work_wait(ct_work work, int64_t timeout_ms, int64_t *finished_ns);
void ct_work_release(ct_work work);

// MARK: gradients as they become final
// As ct_backward, and tells the index of each leaf right after its gradient is final; on the CPU from this thread.
typedef void (*ct_leaf_callback)(void *context, int32_t index);
int32_t ct_backward_notifying(
    ct_tensor t, ct_tensor gradient, const ct_tensor *leaves, int32_t count, ct_leaf_callback callback, void *context);

#ifdef __cplusplus
}
#endif
#endif
