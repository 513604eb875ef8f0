// The instruction set of the kernels.
#ifndef CK_ISA_H
#define CK_ISA_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { CK_PORTABLE = 0, CK_AVX2 = 1, CK_AVX512 = 2, CK_AVX512_VNNI = 3 };

// By default the set named by the environment variable FORETOKEN_ISA (portable, avx2, avx512, avx512vnni), or the best one that
// the processor supports. Selects a set, but at most the processor's best, or with -1 the default. Returns the set now in use.
// For tests.
int32_t ck_set_isa(int32_t isa);
// The set in use.
int32_t ck_isa(void);
// The name of a set, as in FORETOKEN_ISA; NULL for an unknown number.
const char *ck_isa_name(int32_t isa);

#ifdef __cplusplus
}
#endif
#endif
