// Conversions between element types of stored weights, written so that the compiler vectorizes the loops. Included by each
// instruction set's file.

template <typename T>
INLINE T read_at(const void *from, int64_t index) {
    T value;
    __builtin_memcpy(&value, static_cast<const char *>(from) + index * int64_t(sizeof(T)), sizeof value);
    return value;
}
template <typename T>
INLINE void write_at(void *to, int64_t index, T value) {
    __builtin_memcpy(static_cast<char *>(to) + index * int64_t(sizeof(T)), &value, sizeof value);
}

// Branch-free, and without subnormal intermediates, so that the result does not depend on the processor's handling of those.
INLINE float from_float16(uint16_t half) {
    const uint32_t sign = uint32_t(half & 0x8000) << 16, rest = half & 0x7FFF;
    const uint32_t normal = (rest << 13) + (112u << 23), special = rest << 13 | 0x7F800000;
    const float small = static_cast<float>(int32_t(rest)) * 0x1p-24f;
    const uint32_t bits = rest < 0x0400 ? __builtin_bit_cast(uint32_t, small) : rest < 0x7C00 ? normal : special;
    return __builtin_bit_cast(float, sign | bits);
}

INLINE uint16_t to_float16(float value) {
    const uint32_t bits = __builtin_bit_cast(uint32_t, value), rest = bits & 0x7FFFFFFF;
    // 2^-14 and above: rebias the exponent and add half a unit in the last place, minus one bit if the last bit is even. Values
    // rounded up to 2^16 become infinity.
    const uint32_t normal = (rest - (112u << 23) + 0xFFF + (rest >> 13 & 1)) >> 13;
    // Below 2^-14: the last place of 1/2 is 2^-24, the unit of subnormal float16 numbers, so the addition rounds to it.
    const uint32_t small = __builtin_bit_cast(uint32_t, __builtin_bit_cast(float, rest) + 0.5f) - 0x3F000000;
    const uint32_t nan = 0x7E00 | (rest >> 13 & 0x1FF);
    const uint32_t half = rest > 0x7F800000    ? nan
                          : rest >= 0x47800000 ? 0x7C00
                          : rest >= 0x38800000 ? normal
                                               : small;
    return static_cast<uint16_t>(bits >> 16 & 0x8000) | static_cast<uint16_t>(half);
}

void expand(const void *from, int32_t type, int64_t count, float *to) {
    switch (type) {
        case CK_STORED_F16:
            for (int64_t i = 0; i < count; i++) to[i] = from_float16(read_at<uint16_t>(from, i));
            break;
        case CK_STORED_BF16:
            for (int64_t i = 0; i < count; i++) to[i] = from_bfloat16(read_at<uint16_t>(from, i));
            break;
        case CK_STORED_F64:
            for (int64_t i = 0; i < count; i++) to[i] = static_cast<float>(read_at<double>(from, i));
            break;
        default: __builtin_memcpy(to, from, size_t(count) * sizeof(float));
    }
}

void narrow(const float *from, int64_t count, int32_t type, void *to) {
    switch (type) {
        case CK_STORED_F16:
            for (int64_t i = 0; i < count; i++) write_at(to, i, to_float16(read_at<float>(from, i)));
            break;
        case CK_STORED_BF16:
            for (int64_t i = 0; i < count; i++) write_at(to, i, to_bfloat16(read_at<float>(from, i)));
            break;
        case CK_STORED_F64:
            for (int64_t i = 0; i < count; i++) write_at(to, i, static_cast<double>(read_at<float>(from, i)));
            break;
        default: __builtin_memcpy(to, from, size_t(count) * sizeof(float));
    }
}
