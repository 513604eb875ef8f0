// The training GEMM, after Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008): a tile of the result
// stays in registers while rows of a packed panel of b (in the L1 cache) are multiplied by columns of a packed block of a (in the
// L2 cache). Included by each instruction set's file. Sums are split by depth, unlike in DecodeGemm.h.

// The tile: kGemmRows x kGemmColumns accumulators fill the registers, together with a row of b and one element of a.
constexpr int kGemmRows = LANES == 16 ? 14 : LANES == 8 ? 6 : 4, kGemmVectors = 2;
constexpr int kGemmColumns = kGemmVectors * LANES;
// A block of a takes at most 210 KB, a panel of b at most 1.5 MB.
constexpr int64_t kDepth = 384, kBlockRows = 10 * kGemmRows, kPanelColumns = 32 * kGemmColumns;
constexpr int64_t kGemmScratch = (kBlockRows + kPanelColumns) * kDepth;

template <int S, int... I>
INLINE void exchange(Vector &upper, Vector &lower, std::integer_sequence<int, I...>) {
    const Vector u = upper, l = lower;
    upper = __builtin_shufflevector(u, l, (I & S ? LANES + (I ^ S) : I)...);
    lower = __builtin_shufflevector(u, l, (I & S ? LANES + I : (I ^ S))...);
}
template <int S>
INLINE void exchange_all(Vector *v) {
    UNROLL for (int i = 0; i < LANES; i++)
        if (!(i & S)) exchange<S>(v[i], v[i | S], std::make_integer_sequence<int, LANES>());
}
// to[k * to_row + j] = from[j * from_row + k], LANES x LANES.
INLINE void transpose_square(const float *from, int64_t from_row, float *to, int64_t to_row) {
    Vector v[LANES];
    UNROLL for (int i = 0; i < LANES; i++) v[i] = load(from + i * from_row);
    exchange_all<1>(v);
    exchange_all<2>(v);
#if LANES >= 8
    exchange_all<4>(v);
#endif
#if LANES >= 16
    exchange_all<8>(v);
#endif
    UNROLL for (int i = 0; i < LANES; i++) store(to + i * to_row, v[i]);
}

// Packs `columns` columns and `depth` rows of b as [depth, kGemmColumns], zero-padded.
void pack_columns(const ck_gemm_operands &p, int64_t row, int64_t column, int64_t depth, int64_t columns, float *to) {
    const float *from = p.b + row * p.b_row + column * p.b_column;
    if (columns < kGemmColumns) {
        for (int64_t k = 0; k < depth; k++, to += kGemmColumns)
            for (int64_t j = 0; j < kGemmColumns; j++) to[j] = j < columns ? from[k * p.b_row + j * p.b_column] : 0;
    } else if (p.b_column == 1) {
        for (int64_t k = 0; k < depth; k++, to += kGemmColumns)
            UNROLL for (int v = 0; v < kGemmVectors; v++) store(to + v * LANES, load(from + k * p.b_row + v * LANES));
    } else {
        for (int64_t j = 0; j < kGemmColumns; j += LANES) {
            const float *lines = from + j * p.b_column;
            int64_t k = 0;
            for (; k + LANES <= depth; k += LANES)
                transpose_square(lines + k, p.b_column, to + k * kGemmColumns + j, kGemmColumns);
            for (; k < depth; k++)
                for (int64_t i = 0; i < LANES; i++) to[k * kGemmColumns + j + i] = lines[i * p.b_column + k];
        }
    }
}

// Packs `rows` rows of a: a row-major a as rows with stride kDepth, a column-major a as [depth, kGemmRows].
void pack_rows(const ck_gemm_operands &p, int64_t row, int64_t column, int64_t rows, int64_t depth, float *to) {
    const float *from = p.a + row * p.a_row + column * p.a_column;
    if (p.a_column == 1) {
        for (int64_t i = 0; i < rows; i++) __builtin_memcpy(to + i * kDepth, from + i * p.a_row, depth * sizeof(float));
    } else if (rows == kGemmRows) {
        for (int64_t k = 0; k < depth; k++)
            __builtin_memcpy(to + k * kGemmRows, from + k * p.a_column, kGemmRows * sizeof(float));
    } else {
        for (int64_t k = 0; k < depth; k++)
            for (int64_t i = 0; i < rows; i++) to[k * kGemmRows + i] = from[k * p.a_column + i];
    }
}

// c [ROWS, columns] = base + a · b of packed a and b.
template <int ROWS, int64_t A_ROW, int64_t A_COLUMN>
void gemm_tile(
    int64_t depth, const float *a, const float *b, const float *base, int64_t base_row, float *c, int64_t c_row, int64_t columns
) {
    Vector sums[ROWS][kGemmVectors];
    UNROLL for (int i = 0; i < ROWS; i++)
        UNROLL for (int v = 0; v < kGemmVectors; v++) sums[i][v] = Vector{};
    for (int64_t k = 0; k < depth; k++) {
        Vector row[kGemmVectors];
        UNROLL for (int v = 0; v < kGemmVectors; v++) row[v] = load(b + k * kGemmColumns + v * LANES);
        UNROLL for (int i = 0; i < ROWS; i++) {
            const Vector x = splat(a[i * A_ROW + k * A_COLUMN]);
            UNROLL for (int v = 0; v < kGemmVectors; v++) sums[i][v] = MULTIPLY_ADD(x, row[v], sums[i][v]);
        }
    }
    UNROLL for (int i = 0; i < ROWS; i++)
        UNROLL for (int v = 0; v < kGemmVectors; v++) {
            const int64_t n = columns - v * LANES;
            float *to = c + i * c_row + v * LANES;
            if (n >= LANES) store(to, base == nullptr ? sums[i][v] : sums[i][v] + load(base + i * base_row + v * LANES));
            else if (n > 0)
                store_some(to, base == nullptr ? sums[i][v] : sums[i][v] + load_some(base + i * base_row + v * LANES, n), n);
        }
}

using GemmTile = void (*)(int64_t, const float *, const float *, const float *, int64_t, float *, int64_t, int64_t);
template <int64_t A_ROW, int64_t A_COLUMN, int... I>
constexpr std::array<GemmTile, kGemmRows + 1> gemm_tiles(std::integer_sequence<int, I...>) {
    return {nullptr, gemm_tile<I + 1, A_ROW, A_COLUMN>...};
}

void training_gemm(const ck_gemm_operands &p, float *scratch) {
    constexpr auto by_rows = gemm_tiles<kDepth, 1>(std::make_integer_sequence<int, kGemmRows>());
    constexpr auto by_columns = gemm_tiles<1, kGemmRows>(std::make_integer_sequence<int, kGemmRows>());
    const auto &table = p.a_column == 1 ? by_rows : by_columns;
    float *block = scratch, *panel = scratch + kBlockRows * kDepth;
    for (int64_t column = 0; column < p.n; column += kPanelColumns) {
        const int64_t columns = std::min(kPanelColumns, p.n - column);
        // Split into parts of equal depth.
        const int64_t parts = (p.k + kDepth - 1) / kDepth, deep = (p.k + parts - 1) / parts;
        for (int64_t k = 0; k < p.k; k += deep) {
            const int64_t depth = std::min(deep, p.k - k);
            for (int64_t j = 0; j < columns; j += kGemmColumns)
                pack_columns(p, k, column + j, depth, std::min<int64_t>(kGemmColumns, columns - j), panel + j * depth);
            const float *base = k == 0 ? p.base : p.c;
            const int64_t base_row = k == 0 ? p.base_row : p.c_row;
            for (int64_t row = 0; row < p.m; row += kBlockRows) {
                const int64_t rows = std::min(kBlockRows, p.m - row);
                for (int64_t i = 0; i < rows; i += kGemmRows)
                    pack_rows(p, row + i, k, std::min<int64_t>(kGemmRows, rows - i), depth, block + i * kDepth);
                for (int64_t j = 0; j < columns; j += kGemmColumns)
                    for (int64_t i = 0; i < rows; i += kGemmRows)
                        table[std::min<int64_t>(kGemmRows, rows - i)](
                            depth, block + i * kDepth, panel + j * depth,
                            base == nullptr ? nullptr : base + (row + i) * base_row + column + j, base_row,
                            p.c + (row + i) * p.c_row + column + j, p.c_row, columns - j);
            }
        }
    }
}
