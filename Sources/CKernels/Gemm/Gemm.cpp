// The training GEMM, parallel over parts of the result.
#include <cstdlib>
#include <limits>
#include <memory>

#include "../Isa/Isa.h"
#include "../Threads/Parallel.h"

using namespace ck;

namespace {

// The number of row parts into which a team splits the result (columns are split into team / parts), chosen to minimise packing.
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

// The first index of a part; a multiple of `unit` if there are enough units.
int64_t bound(int64_t count, int64_t part, int64_t parts, int64_t unit) {
    if (count < unit * parts) unit = 1;
    return part == parts ? count : (count / unit) * part / parts * unit;
}

// Buffer for packed matrices, kept by each thread that starts GEMMs, as in BLAS libraries. Null if allocation fails.
float *working_memory(int64_t floats) {
    struct Free {
        void operator()(float *memory) const { std::free(memory); }
    };
    thread_local std::unique_ptr<float, Free> memory;
    thread_local int64_t room = 0;
    if (room < floats) {
        room = 0;
        memory.reset(static_cast<float *>(std::aligned_alloc(64, static_cast<size_t>(floats) * sizeof(float))));
        if (memory == nullptr) return nullptr;
        room = floats;
    }
    return memory.get();
}

}  // namespace

int32_t ck_training_gemm(const ck_gemm_operands *operands) {
    const ck_gemm_operands &whole = *operands;
    const TrainingKernels &kernels = isa().training;
    const int32_t team = team_size(double(whole.m) * double(whole.n) * double(whole.k));
    const int64_t down = row_parts(team, whole.m, whole.n), across = team / down;
    const int64_t scratch = kernels.gemm_scratch;
    float *const floats = working_memory(team * scratch);
    if (floats == nullptr) return CK_OUT_OF_MEMORY;
    on_team_of(team, [&](int64_t thread, int64_t threads) {
        // A nested region has a single thread, which then computes all parts.
        for (int64_t part = thread; part < team; part += threads) {
            const int64_t r = bound(whole.m, part / across, down, 8), r_end = bound(whole.m, part / across + 1, down, 8);
            const int64_t c = bound(whole.n, part % across, across, 32);
            const int64_t c_end = bound(whole.n, part % across + 1, across, 32);
            if (r == r_end || c == c_end) continue;
            ck_gemm_operands mine = whole;
            mine.m = r_end - r, mine.n = c_end - c;
            mine.a += r * whole.a_row, mine.b += c * whole.b_column, mine.c += r * whole.c_row + c;
            if (mine.base != nullptr) mine.base += r * whole.base_row + c;
            kernels.gemm(mine, floats + thread * scratch);
        }
    });
    return CK_OK;
}
