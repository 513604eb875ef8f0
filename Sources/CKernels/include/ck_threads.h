// The threads that kernels run on.
#ifndef CK_THREADS_H
#define CK_THREADS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Status codes of functions that can fail.
enum { CK_OK = 0, CK_OUT_OF_MEMORY = 1 };

// Maximum number of threads of a kernel; ck_default_threads() by default.
void ck_set_threads(int32_t threads);
int32_t ck_threads(void);
// Number of processors that this process may use, by its affinity mask and its control group's quota (rounded up), limited by the
// environment variable OMP_NUM_THREADS, which LibTorch uses as well; at least 1.
int32_t ck_default_threads(void);

// One thread's share of a parallel region; it must not throw.
typedef void (*ck_region)(void *context, int32_t thread, int32_t threads);
// Runs region(context, i, n) for every i in 0 ..< n concurrently, each on its own thread, including the caller's; n is at most
// `threads`. Returns when all are done.
typedef void (*ck_team)(void *pool, int32_t threads, ck_region region, void *context);

// Makes kernels run on this team instead of starting their own threads. A program that already has a thread pool (such as an
// OpenMP runtime's) should call this before the first kernel runs, since two spinning teams slow each other down. Returns false,
// without effect, if the kernels' own pool has already started.
bool ck_use_team(ck_team team, void *pool);

#ifdef __cplusplus
}
#endif
#endif
