// Attention of a training step (Dao et al., arXiv 2205.14135, without its running rescaling: a block of kRows queries keeps
// its scores of all keys). Part of Body.h.
//
// The six products all are C (+)= A · B with B's rows contiguous and A's elements broadcast, from anywhere.

constexpr int64_t kAttentionRows = 32;
constexpr int kTileRows = 4, kTileVectors = LANES == 16 ? 4 : 2;

struct Product {
    const float *a;
    int64_t a_row, a_step;  // A(m, k) = a[m · a_row + k · a_step]
    const float *b;
    int64_t b_step;  // B(k, n) = b[k · b_step + n]
    float *c;
    int64_t c_row;
};

template <int M, int N, bool Add>
INLINE void tile(const Product &p, int64_t row, int64_t column, int64_t depth) {
    Vector sum[M * N];
    UNROLL for (int i = 0; i < M * N; i++) sum[i] = Vector{};
    const float *a = p.a + row * p.a_row, *b = p.b + column;
    for (int64_t k = 0; k < depth; k++, a += p.a_step, b += p.b_step) {
        Vector bs[N];
        UNROLL for (int j = 0; j < N; j++) bs[j] = load(b + j * LANES);
        UNROLL for (int i = 0; i < M; i++) {
            const Vector as = splat(a[i * p.a_row]);
            UNROLL for (int j = 0; j < N; j++) sum[i * N + j] = MULTIPLY_ADD(as, bs[j], sum[i * N + j]);
        }
    }
    UNROLL for (int i = 0; i < M; i++) {
        UNROLL for (int j = 0; j < N; j++) {
            float *c = p.c + (row + i) * p.c_row + column + j * LANES;
            store(c, Add ? load(c) + sum[i * N + j] : sum[i * N + j]);
        }
    }
}

template <int N, bool Add>
INLINE void tile_columns(const Product &p, int64_t rows, int64_t column, int64_t depth) {
    int64_t row = 0;
    for (; row + kTileRows <= rows; row += kTileRows) tile<kTileRows, N, Add>(p, row, column, depth);
    for (; row < rows; row++) tile<1, N, Add>(p, row, column, depth);
}

// `columns` is a multiple of LANES.
template <bool Add>
void product(const Product &p, int64_t rows, int64_t columns, int64_t depth) {
    int64_t column = 0;
    for (; column + kTileVectors * LANES <= columns; column += kTileVectors * LANES)
        tile_columns<kTileVectors, Add>(p, rows, column, depth);
    for (; column < columns; column += LANES) tile_columns<1, Add>(p, rows, column, depth);
}

INLINE int64_t padded(int64_t count) { return (count + 15) / 16 * 16; }

// to [dim, padded(time)] = the transpose of x [time, dim], zeros behind it.
void transpose(const float *x, int64_t stride, int64_t time, int64_t dim, float *to) {
    const int64_t width = padded(time);
    for (int64_t from = 0; from < width; from += 16)
        for (int64_t d = 0; d < dim; d++)
            for (int64_t t = from; t < from + 16; t++) to[d * width + t] = t < time ? x[t * stride + d] : 0.0f;
}

// One query head beside its key and value head, and the block of queries `first` ..< `first + count` that look at the keys
// 0 ..< `keys`; scores in rows of padded(time).
struct Block {
    const float *q, *k, *v;
    int64_t q_row, k_row;
    int64_t first, count, keys;
    const bool *mask;  // [time, time] or null
};

INLINE Block block_of(const Attention &a, int64_t task, int64_t head, int64_t first) {
    const int64_t batch = task / a.kv_heads, kv = task % a.kv_heads;
    const int64_t count = std::min(kAttentionRows, a.time - first);
    return {
        a.q + (batch * a.time + first) * a.q_row + head * a.dim, a.k + batch * a.time * a.k_row + kv * a.dim,
        a.v + batch * a.time * a.k_row + kv * a.dim, a.q_row, a.k_row, first, count, a.causal ? first + count : a.time,
        a.mask == nullptr ? nullptr : a.mask + batch * a.time * a.time};
}

// Scores of a block, scaled, minus infinity where a query may not look and behind the keys.
INLINE void block_scores(const Attention &a, const Block &b, const float *keys_transposed, float *scores) {
    const int64_t width = padded(a.time);
    product<false>({b.q, b.q_row, 1, keys_transposed, width, scores, width}, b.count, padded(b.keys), a.dim);
    for (int64_t r = 0; r < b.count; r++) {
        float *row = scores + r * width;
        for (int64_t j = 0; j < padded(b.keys); j += LANES) store(row + j, load(row + j) * a.scale);
        const int64_t last = a.causal ? b.first + r + 1 : b.keys;
        for (int64_t j = last; j < padded(b.keys); j++) row[j] = -__builtin_inff();
        if (b.mask != nullptr)
            for (int64_t j = 0; j < last; j++)
                if (!b.mask[(b.first + r) * a.time + j]) row[j] = -__builtin_inff();
    }
}

void attention(const Attention &a, int64_t first_task, int64_t last_task, float *scratch) {
    const int64_t width = padded(a.time), group = a.heads / a.kv_heads, out_row = a.heads * a.dim;
    float *keys = scratch, *scores = keys + a.dim * width;
    for (int64_t task = first_task; task < last_task; task++) {
        const int64_t batch = task / a.kv_heads;
        const Block whole = block_of(a, task, 0, 0);
        transpose(whole.k, whole.k_row, a.time, a.dim, keys);
        for (int64_t head = task % a.kv_heads * group; head < (task % a.kv_heads + 1) * group; head++) {
            for (int64_t first = 0; first < a.time; first += kAttentionRows) {
                const Block b = block_of(a, task, head, first);
                block_scores(a, b, keys, scores);
                float inverse[kAttentionRows];
                for (int64_t r = 0; r < b.count; r++) {
                    float *row = scores + r * width;
                    Vector most = load(row);
                    for (int64_t j = LANES; j < padded(b.keys); j += LANES) {
                        const Vector v = load(row + j);
                        most = v > most ? v : most;
                    }
                    float largest = most[0];
                    for (int i = 1; i < LANES; i++) largest = most[i] > largest ? most[i] : largest;
                    Vector sum = {};
                    for (int64_t j = 0; j < padded(b.keys); j += LANES) {
                        const Vector p = exponential(load(row + j) - splat(largest));
                        store(row + j, p);
                        sum = sum + p;
                    }
                    const float all = total(sum);
                    inverse[r] = 1.0f / all;
                    a.lse[(batch * a.heads + head) * a.time + first + r] = largest + __builtin_logf(all);
                }
                float *out = a.out + (batch * a.time + first) * out_row + head * a.dim;
                product<false>({scores, width, 1, b.v, b.k_row, out, out_row}, b.count, a.dim, b.keys);
                for (int64_t r = 0; r < b.count; r++)
                    for (int64_t d = 0; d < a.dim; d += LANES)
                        store(out + r * out_row + d, load(out + r * out_row + d) * inverse[r]);
            }
        }
    }
}

// With P the softmax of S = scale · Q · Kᵀ: dV = Pᵀ · dO, dP = dO · Vᵀ, dS = scale · P ∘ (dP − rowsum(dO ∘ O)),
// dQ = dS · K, dK = dSᵀ · Q.
void attention_backward(const Attention &a, int64_t first_task, int64_t last_task, float *scratch) {
    const int64_t width = padded(a.time), group = a.heads / a.kv_heads, out_row = a.heads * a.dim;
    float *keys = scratch, *values = keys + a.dim * width, *p = values + a.dim * width, *ds = p + kAttentionRows * width;
    for (int64_t task = first_task; task < last_task; task++) {
        const int64_t batch = task / a.kv_heads;
        const Block whole = block_of(a, task, 0, 0);
        transpose(whole.k, whole.k_row, a.time, a.dim, keys);
        transpose(whole.v, whole.k_row, a.time, a.dim, values);
        float *dk = a.dk + (whole.k - a.k), *dv = a.dv + (whole.v - a.v);
        for (int64_t t = 0; t < a.time; t++) {
            __builtin_memset(dk + t * whole.k_row, 0, a.dim * sizeof(float));
            __builtin_memset(dv + t * whole.k_row, 0, a.dim * sizeof(float));
        }
        for (int64_t head = task % a.kv_heads * group; head < (task % a.kv_heads + 1) * group; head++) {
            for (int64_t first = 0; first < a.time; first += kAttentionRows) {
                const Block b = block_of(a, task, head, first);
                const int64_t at = (batch * a.time + first) * out_row + head * a.dim;
                const float *dout = a.dout + at, *out = a.out + at;
                float *dq = a.dq + (b.q - a.q);
                block_scores(a, b, keys, p);
                product<false>({dout, out_row, 1, values, width, ds, width}, b.count, padded(b.keys), a.dim);
                for (int64_t r = 0; r < b.count; r++) {
                    Vector along = {};
                    for (int64_t d = 0; d < a.dim; d += LANES)
                        along = MULTIPLY_ADD(load(dout + r * out_row + d), load(out + r * out_row + d), along);
                    const Vector delta = splat(total(along));
                    const Vector lse = splat(a.lse[(batch * a.heads + head) * a.time + first + r]);
                    float *ps = p + r * width, *row = ds + r * width;
                    for (int64_t j = 0; j < padded(b.keys); j += LANES) {
                        const Vector weight = exponential(load(ps + j) - lse);
                        store(ps + j, weight);
                        store(row + j, weight * (load(row + j) - delta) * a.scale);
                    }
                }
                product<false>({ds, width, 1, b.k, b.k_row, dq, b.q_row}, b.count, a.dim, b.keys);
                product<true>({ds, 1, width, b.q, b.q_row, dk, b.k_row}, b.keys, a.dim, b.count);
                product<true>({p, 1, width, dout, out_row, dv, b.k_row}, b.keys, a.dim, b.count);
            }
        }
    }
}
