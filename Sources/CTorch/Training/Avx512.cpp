// AVX-512: 16 lanes.
#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "Isa.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma"))), apply_to = function)
#define LANES 16
#define MULTIPLY_ADD(a, b, c) __builtin_elementwise_fma(Vector(a), Vector(b), Vector(c))
#define ISA_NAME avx512
#include "Body.h"
#pragma clang attribute pop
#endif
