#ifndef CT_KERNELS_H
#define CT_KERNELS_H
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
void ct_kernels_set_threads(int32_t threads);
#ifdef __cplusplus
}
#endif
#endif
