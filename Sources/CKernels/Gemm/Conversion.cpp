// Parallel conversion of stored weights to float32 and back.
#include <algorithm>

#include "../Isa/Isa.h"
#include "../Threads/Parallel.h"

using namespace ck;

namespace {

int64_t bytes(int32_t type) { return type == CK_STORED_F32 ? 4 : type == CK_STORED_F64 ? 8 : 2; }

// Calls body(first, count) for parts made of whole cache lines.
template <typename Body>
void in_parts(int64_t count, const Body &body) {
    constexpr int64_t unit = 64;
    in_parallel((count + unit - 1) / unit, double(count), [&](int64_t first, int64_t last) {
        body(first * unit, std::min(count, last * unit) - first * unit);
    });
}

}  // namespace

void ck_expand(const void *from, int32_t type, int64_t count, float *to) {
    in_parts(count, [&](int64_t first, int64_t part) {
        isa().expand(static_cast<const char *>(from) + first * bytes(type), type, part, to + first);
    });
}

void ck_narrow(const float *from, int64_t count, int32_t type, void *to) {
    in_parts(count, [&](int64_t first, int64_t part) {
        isa().narrow(from + first, part, type, static_cast<char *>(to) + first * bytes(type));
    });
}
