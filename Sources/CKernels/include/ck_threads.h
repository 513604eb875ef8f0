// The threads that kernels run on.
#ifndef CK_THREADS_H
#define CK_THREADS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// What functions that can fail return.
enum { CK_OK = 0, CK_OUT_OF_MEMORY = 1 };

// How many threads a kernel uses at most. At first ck_default_threads().
void ck_set_threads(int32_t threads);
int32_t ck_threads(void);
// Processors that this process may use: its affinity mask and its control group's quota (rounded up), and not more than the
// environment variable OMP_NUM_THREADS says, which LibTorch heeds as well; at least 1.
int32_t ck_default_threads(void);

// One thread's share of a parallel region; it must not throw.
typedef void (*ck_region)(void *context, int32_t thread, int32_t threads);
// Runs region(context, i, n) for every i in 0 ..< n, each on its own thread at the same time, the caller's among them, with
// an n of at most `threads`, and returns when all are done.
typedef void (*ck_team)(void *pool, int32_t threads, ck_region region, void *context);

// Kernels run on this team from now on and start no threads of their own. A program that has a pool of threads already (that
// of an OpenMP runtime, say) hands it over before the first kernel runs, since two teams that spin slow each other down.
// False, with no effect, once the own pool has started.
bool ck_use_team(ck_team team, void *pool);

#ifdef __cplusplus
}
#endif
#endif
