// The instruction set of the kernels.
#ifndef CK_ISA_H
#define CK_ISA_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { CK_PORTABLE = 0, CK_AVX2 = 1, CK_AVX512 = 2, CK_AVX512_VNNI = 3 };

// The environment variable FORETOKEN_ISA names the set to use (portable, avx2, avx512, avx512vnni); otherwise it is the best
// that the processor has. Sets it, at most to the processor's best, or with -1 back to that choice. Returns the one in
// force. For tests.
int32_t ck_set_isa(int32_t isa);
// The one in force.
int32_t ck_isa(void);
// Its name in FORETOKEN_ISA; NULL for a number that is none.
const char *ck_isa_name(int32_t isa);

#ifdef __cplusplus
}
#endif
#endif
