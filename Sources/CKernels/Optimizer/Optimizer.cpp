// Gradient norm and AdamW: each a single sweep over memory in one parallel region for all parameters.
#include <algorithm>
#include <new>
#include <stdexcept>
#include <vector>

#include "../Isa/Isa.h"
#include "../Threads/Parallel.h"

using namespace ck;

namespace {

// `count` elements from `start` of span `index`. The split does not depend on the number of threads.
struct Piece {
    int64_t index, start, count;
};
constexpr int64_t kPiece = 16384;

template <typename Span>
std::vector<Piece> pieces(const Span *spans, int64_t count) {
    std::vector<Piece> result;
    for (int64_t i = 0; i < count; i++)
        for (int64_t start = 0; start < spans[i].count; start += kPiece)
            result.push_back({i, start, std::min(kPiece, spans[i].count - start)});
    return result;
}

// Calls body(i) for each of `count` pieces.
template <typename Body>
void over_pieces(size_t count, const Body &body) {
    in_parallel(int64_t(count), double(count) * kPiece, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; i++) body(i);
    });
}

template <typename Body>
int32_t status_of(const Body &body) {
    try {
        body();
        return CK_OK;
    } catch (const std::bad_alloc &) {
        return CK_OUT_OF_MEMORY;
    } catch (const std::length_error &) {
        return CK_OUT_OF_MEMORY;
    }
}

}  // namespace

int32_t ck_sums_of_squares(const ck_span *spans, int64_t count, double *sums) {
    return status_of([&] {
        const auto work = pieces(spans, count);
        std::vector<double> parts(work.size());
        over_pieces(work.size(), [&](int64_t i) {
            parts[i] = isa().training.squares(spans[work[i].index].data + work[i].start, work[i].count);
        });
        std::fill(sums, sums + count, 0.0);
        for (size_t i = 0; i < work.size(); i++) sums[work[i].index] += parts[i];
    });
}

int32_t ck_adamw(const ck_adamw_span *spans, int64_t count, const ck_adamw_constants *constants) {
    return status_of([&] {
        const auto work = pieces(spans, count);
        over_pieces(work.size(), [&](int64_t i) {
            const auto [index, start, length] = work[i];
            const ck_adamw_span &span = spans[index];
            isa().training.adamw(
                span.weight + start, span.gradient + start, span.first + start, span.second + start, length, span.keep,
                *constants);
        });
    });
}
