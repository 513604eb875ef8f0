// AVX-512: 16 lanes.
#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "../Gemm/Bfloat16.h"
#include "Isa.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma"))), apply_to = function)
#define LANES 16
#define TILE_ROWS 8
#define MULTIPLY_ADD(a, b, c) __builtin_elementwise_fma(Vector(a), Vector(b), Vector(c))
#define ISA_ID CK_AVX512
#define ISA_NAME avx512
#define TRAINING_NAME avx512_training
// See Avx2.cpp.
#define DOT4(sum, weights, x) reinterpret_cast<Ints>(dot4((__m512i)(sum), (__m512i)(weights), (__m512i)(x)))
static __attribute__((always_inline)) inline __m512i dot4(__m512i sum, __m512i weights, __m512i x) {
    const __m512i even = _mm512_madd_epi16(
        _mm512_and_si512(weights, _mm512_set1_epi16(0xFF)), _mm512_srai_epi16(_mm512_slli_epi16(x, 8), 8));
    const __m512i odd = _mm512_madd_epi16(_mm512_srli_epi16(weights, 8), _mm512_srai_epi16(x, 8));
    return _mm512_add_epi32(_mm512_add_epi32(sum, even), odd);
}
#include "Kernels.h"
#pragma clang attribute pop
#endif
