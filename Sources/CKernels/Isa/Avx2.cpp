// AVX2 with FMA: 8 lanes.
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
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define LANES 8
#define TILE_ROWS 4
#define MULTIPLY_ADD(a, b, c) __builtin_elementwise_fma(Vector(a), Vector(b), Vector(c))
#define ISA_ID CK_AVX2
#define ISA_NAME avx2
#define TRAINING_NAME avx2_training
// Without integer dot products: even and odd bytes are widened to 16 bits, so that the sum of two products cannot overflow
// (maddubs could).
#define DOT4(sum, weights, x) reinterpret_cast<Ints>(dot4((__m256i)(sum), (__m256i)(weights), (__m256i)(x)))
static __attribute__((always_inline)) inline __m256i dot4(__m256i sum, __m256i weights, __m256i x) {
    const __m256i even = _mm256_madd_epi16(
        _mm256_and_si256(weights, _mm256_set1_epi16(0xFF)), _mm256_srai_epi16(_mm256_slli_epi16(x, 8), 8));
    const __m256i odd = _mm256_madd_epi16(_mm256_srli_epi16(weights, 8), _mm256_srai_epi16(x, 8));
    return _mm256_add_epi32(_mm256_add_epi32(sum, even), odd);
}
#include "Kernels.h"
#pragma clang attribute pop
#endif
