// AVX-512 with VNNI: integer dot products of four 8-bit pairs. Training does not use them, so it shares the kernels of AVX-512.
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
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx512vnni,avx2,fma"))), apply_to = function)
#define LANES 16
#define TILE_ROWS 8
#define MULTIPLY_ADD(a, b, c) __builtin_elementwise_fma(Vector(a), Vector(b), Vector(c))
#define ISA_ID CK_AVX512_VNNI
#define ISA_NAME avx512_vnni
#define TRAINING_NAME avx512_training
#define TRAINING_REUSED
#define DOT4(sum, weights, x) reinterpret_cast<Ints>(_mm512_dpbusd_epi32((__m512i)(sum), (__m512i)(weights), (__m512i)(x)))
#include "Kernels.h"
#pragma clang attribute pop
#endif
