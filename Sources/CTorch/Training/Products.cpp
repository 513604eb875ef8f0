#include "Products.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <limits>
#include <memory>
#include <new>

#include "../internal.h"
#include "../Kernels/Isa.h"
#include "../Kernels/Parallel.h"
#include "Isa.h"
#include "ct_training.h"

using at::Tensor;

namespace ct::training {
namespace {

// -1: by the processor, else as ct_set_own_products said.
std::atomic<int32_t> forced{-1};

bool is_faster_here() {
#if defined(__x86_64__)
    static const bool intel = __builtin_cpu_is("intel");
    const int32_t wish = forced.load(std::memory_order_relaxed);
    return kernels::isa_level() >= 1 && (wish < 0 ? !intel : wish > 0);
#else
    return false;
#endif
}

// A matrix whose rows or whose columns lie without gaps between their numbers.
bool lies_well(const Tensor &t) {
    return t.is_cpu() && t.scalar_type() == at::kFloat && !t.is_conj() && !t.is_neg() && t.dim() == 2 && t.numel() > 0 &&
           (t.stride(1) == 1 || t.stride(0) == 1) && t.stride(0) > 0 && t.stride(1) > 0;
}

bool is_ours(const Tensor &out, const Tensor &a, const Tensor &b) {
    return is_faster_here() && lies_well(a) && lies_well(b) && lies_well(out) && out.stride(1) == 1 &&
           a.size(1) == b.size(0) && out.size(0) == a.size(0) && out.size(1) == b.size(1);
}

// How many parts of rows a team makes, each of as many parts of columns: those whose packing is least work.
int64_t row_parts(int64_t team, int64_t rows, int64_t columns) {
    int64_t best = 1;
    double least = std::numeric_limits<double>::infinity();
    for (int64_t parts = 1; parts <= team; parts++) {
        if (team % parts != 0) continue;
        const double work = double(rows) / double(parts) + double(columns) / double(team / parts);
        if (work < least) least = work, best = parts;
    }
    return best;
}

// The first index of a part, of `unit`s if there are enough of them.
int64_t bound(int64_t count, int64_t part, int64_t parts, int64_t unit) {
    if (count < unit * parts) unit = 1;
    return part == parts ? count : (count / unit) * part / parts * unit;
}

// Room for packed matrices, kept by each thread that starts products: 1.8 MB at most for each of its team, as a BLAS library
// keeps its own, and like that not on the meter of tensors.
float *working_memory(int64_t floats) {
    struct Free {
        void operator()(float *memory) const { std::free(memory); }
    };
    thread_local std::unique_ptr<float, Free> memory;
    thread_local int64_t room = 0;
    if (room < floats) {
        room = 0;
        memory.reset(static_cast<float *>(std::aligned_alloc(64, static_cast<size_t>(floats) * sizeof(float))));
        if (memory == nullptr) throw std::bad_alloc();
        room = floats;
    }
    return memory.get();
}

// out = base + a · b, or without the base; base may be out.
void multiply(const Tensor &out, const Tensor &base, const Tensor &a, const Tensor &b) {
    const Multiplication whole = {
        a.size(0), b.size(1), a.size(1), ct::elements<float>(a), a.stride(0), a.stride(1), ct::elements<float>(b),
        b.stride(0), b.stride(1), base.defined() ? ct::elements<float>(base) : nullptr,
        base.defined() ? base.stride(0) : 0, out.mutable_data_ptr<float>(), out.stride(0)};
    const int32_t team = kernels::team_size(double(whole.m) * double(whole.n) * double(whole.k));
    const int64_t down = row_parts(team, whole.m, whole.n), across = team / down;
    const int64_t scratch = isa().multiplication_scratch;
    float *const floats = working_memory(team * scratch);
    kernels::on_team_of(team, [&](int64_t thread, int64_t threads) {
        // A region within another has one thread, which then does it all.
        for (int64_t part = thread; part < team; part += threads) {
            const int64_t r = bound(whole.m, part / across, down, 8), r_end = bound(whole.m, part / across + 1, down, 8);
            const int64_t c = bound(whole.n, part % across, across, 32), c_end = bound(whole.n, part % across + 1, across, 32);
            if (r == r_end || c == c_end) continue;
            Multiplication mine = whole;
            mine.m = r_end - r, mine.n = c_end - c;
            mine.a += r * whole.a_row, mine.b += c * whole.b_column, mine.c += r * whole.c_row + c;
            if (mine.base != nullptr) mine.base += r * whole.base_row + c;
            isa().multiply(mine, floats + thread * scratch);
        }
    });
}

}  // namespace

Tensor product(const Tensor &a, const Tensor &b) {
    if (!is_faster_here() || !lies_well(a) || !lies_well(b) || a.size(1) != b.size(0)) return at::mm(a, b);
    const auto out = at::empty({a.size(0), b.size(1)}, a.options());
    multiply(out, {}, a, b);
    return out;
}

Tensor product_into(const Tensor &out, const Tensor &a, const Tensor &b) {
    auto result = out;
    if (is_ours(out, a, b)) multiply(out, {}, a, b);
    else at::mm_out(result, a, b);
    return result;
}

Tensor add_product(const Tensor &base, const Tensor &a, const Tensor &b) {
    if (!is_ours(base, a, b)) return at::addmm(base, a, b);
    const auto out = at::empty(base.sizes(), base.options());
    multiply(out, base, a, b);
    return out;
}

void accumulate_product(const Tensor &sum, const Tensor &a, const Tensor &b) {
    auto result = sum;
    if (is_ours(sum, a, b)) multiply(sum, sum, a, b);
    else result.addmm_(a, b);
}

}  // namespace ct::training

void ct_set_own_products(int32_t own) { ct::training::forced = own; }
