// bfloat16: the upper half of a float32.
#pragma once

#include <cstdint>

namespace ck {

inline __attribute__((always_inline)) float from_bfloat16(uint16_t value) {
    return __builtin_bit_cast(float, uint32_t(value) << 16);
}

// Rounds to nearest, ties to even; NaN stays NaN.
inline __attribute__((always_inline)) uint16_t to_bfloat16(float value) {
    const uint32_t bits = __builtin_bit_cast(uint32_t, value);
    const uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16, nan = bits >> 16 | 0x40;
    return static_cast<uint16_t>((bits & 0x7FFFFFFF) > 0x7F800000 ? nan : rounded);
}

}  // namespace ck
