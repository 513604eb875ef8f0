// Training attention (Dao et al., arXiv 2205.14135, without online rescaling: a block of kAttentionRows queries keeps its scores
// for all keys). Included by each instruction set's file. The order of summation differs from DecodeAttention.h.
//
// All six matrix multiplications are C (+)= A · B, with contiguous rows of B and broadcast elements of A with any strides.

constexpr int64_t kAttentionRows = 32;
constexpr int kAttentionTileRows = 4, kAttentionTileVectors = LANES == 16 ? 4 : 2;

struct AttentionGemm {
    const float *a;
    int64_t a_row, a_step;  // A(m, k) = a[m · a_row + k · a_step]
    const float *b;
    int64_t b_step;  // B(k, n) = b[k · b_step + n]
    float *c;
    int64_t c_row;
};

template <int M, int N, bool Add>
INLINE void attention_tile(const AttentionGemm &p, int64_t row, int64_t column, int64_t depth) {
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
INLINE void attention_tile_columns(const AttentionGemm &p, int64_t rows, int64_t column, int64_t depth) {
    int64_t row = 0;
    for (; row + kAttentionTileRows <= rows; row += kAttentionTileRows)
        attention_tile<kAttentionTileRows, N, Add>(p, row, column, depth);
    for (; row < rows; row++) attention_tile<1, N, Add>(p, row, column, depth);
}

// `columns` is a multiple of LANES.
template <bool Add>
void attention_gemm(const AttentionGemm &p, int64_t rows, int64_t columns, int64_t depth) {
    int64_t column = 0;
    for (; column + kAttentionTileVectors * LANES <= columns; column += kAttentionTileVectors * LANES)
        attention_tile_columns<kAttentionTileVectors, Add>(p, rows, column, depth);
    for (; column < columns; column += LANES) attention_tile_columns<1, Add>(p, rows, column, depth);
}

INLINE int64_t padded_time(int64_t count) { return (count + 15) / 16 * 16; }

// to [dim, padded_time(time)] = the transpose of x [time, dim], zero-padded.
void transpose_keys(const float *x, int64_t stride, int64_t time, int64_t dim, float *to) {
    const int64_t width = padded_time(time);
    for (int64_t from = 0; from < width; from += 16)
        for (int64_t d = 0; d < dim; d++)
            for (int64_t t = from; t < from + 16; t++) to[d * width + t] = t < time ? x[t * stride + d] : 0.0f;
}

// The queries `first` ..< `first + count` of one head with its key/value head. They attend to the keys 0 ..< `keys`; rows of
// scores have padded_time(time) elements.
struct QueryBlock {
    const float *q, *k, *v;
    int64_t q_row, k_row;
    int64_t first, count, keys;
    const bool *mask;  // [time, time] or null
};

INLINE QueryBlock query_block(const ck_attention &a, int64_t task, int64_t head, int64_t first) {
    const int64_t batch = task / a.kv_heads, kv = task % a.kv_heads;
    const int64_t count = std::min(kAttentionRows, a.time - first);
    return {
        a.q + (batch * a.time + first) * a.q_stride + head * a.head_dim, a.k + batch * a.time * a.k_stride + kv * a.head_dim,
        a.v + batch * a.time * a.k_stride + kv * a.head_dim, a.q_stride, a.k_stride, first, count, a.causal ? first + count : a.time,
        a.mask == nullptr ? nullptr : a.mask + batch * a.time * a.time};
}

// Scaled scores of a block; minus infinity where a query must not attend and in the padding.
INLINE void block_scores(const ck_attention &a, const QueryBlock &b, const float *keys_transposed, float *scores) {
    const int64_t width = padded_time(a.time);
    attention_gemm<false>({b.q, b.q_row, 1, keys_transposed, width, scores, width}, b.count, padded_time(b.keys), a.head_dim);
    for (int64_t r = 0; r < b.count; r++) {
        float *row = scores + r * width;
        for (int64_t j = 0; j < padded_time(b.keys); j += LANES) store(row + j, load(row + j) * a.scale);
        const int64_t last = a.causal ? b.first + r + 1 : b.keys;
        for (int64_t j = last; j < padded_time(b.keys); j++) row[j] = -__builtin_inff();
        if (b.mask != nullptr)
            for (int64_t j = 0; j < last; j++)
                if (!b.mask[(b.first + r) * a.time + j]) row[j] = -__builtin_inff();
    }
}

void training_attention(const ck_attention &a, int64_t first_task, int64_t last_task, float *scratch) {
    const int64_t width = padded_time(a.time), group = a.attention_heads / a.kv_heads, out_row = a.attention_heads * a.head_dim;
    float *keys = scratch, *scores = keys + a.head_dim * width;
    for (int64_t task = first_task; task < last_task; task++) {
        const int64_t batch = task / a.kv_heads;
        const QueryBlock whole = query_block(a, task, 0, 0);
        transpose_keys(whole.k, whole.k_row, a.time, a.head_dim, keys);
        for (int64_t head = task % a.kv_heads * group; head < (task % a.kv_heads + 1) * group; head++) {
            for (int64_t first = 0; first < a.time; first += kAttentionRows) {
                const QueryBlock b = query_block(a, task, head, first);
                block_scores(a, b, keys, scores);
                float inverse[kAttentionRows];
                for (int64_t r = 0; r < b.count; r++) {
                    float *row = scores + r * width;
                    Vector most = load(row);
                    for (int64_t j = LANES; j < padded_time(b.keys); j += LANES) {
                        const Vector v = load(row + j);
                        most = v > most ? v : most;
                    }
                    float largest = most[0];
                    for (int i = 1; i < LANES; i++) largest = most[i] > largest ? most[i] : largest;
                    Vector sum = {};
                    for (int64_t j = 0; j < padded_time(b.keys); j += LANES) {
                        const Vector p = exponential(load(row + j) - splat(largest));
                        store(row + j, p);
                        sum = sum + p;
                    }
                    const float all = total(sum);
                    inverse[r] = 1.0f / all;
                    a.lse[(batch * a.attention_heads + head) * a.time + first + r] = largest + __builtin_logf(all);
                }
                float *out = a.out + (batch * a.time + first) * out_row + head * a.head_dim;
                attention_gemm<false>({scores, width, 1, b.v, b.k_row, out, out_row}, b.count, a.head_dim, b.keys);
                for (int64_t r = 0; r < b.count; r++)
                    for (int64_t d = 0; d < a.head_dim; d += LANES)
                        store(out + r * out_row + d, load(out + r * out_row + d) * inverse[r]);
            }
        }
    }
}

// With P the softmax of S = scale · Q · Kᵀ: dV = Pᵀ · dO, dP = dO · Vᵀ, dS = scale · P ∘ (dP − rowsum(dO ∘ O)),
// dQ = dS · K, dK = dSᵀ · Q.
void training_attention_backward(const ck_attention &a, int64_t first_task, int64_t last_task, float *scratch) {
    const int64_t width = padded_time(a.time), group = a.attention_heads / a.kv_heads, out_row = a.attention_heads * a.head_dim;
    float *keys = scratch, *values = keys + a.head_dim * width, *p = values + a.head_dim * width, *ds = p + kAttentionRows * width;
    for (int64_t task = first_task; task < last_task; task++) {
        const int64_t batch = task / a.kv_heads;
        const QueryBlock whole = query_block(a, task, 0, 0);
        transpose_keys(whole.k, whole.k_row, a.time, a.head_dim, keys);
        transpose_keys(whole.v, whole.k_row, a.time, a.head_dim, values);
        float *dk = a.dk + (whole.k - a.k), *dv = a.dv + (whole.v - a.v);
        for (int64_t t = 0; t < a.time; t++) {
            __builtin_memset(dk + t * whole.k_row, 0, a.head_dim * sizeof(float));
            __builtin_memset(dv + t * whole.k_row, 0, a.head_dim * sizeof(float));
        }
        for (int64_t head = task % a.kv_heads * group; head < (task % a.kv_heads + 1) * group; head++) {
            for (int64_t first = 0; first < a.time; first += kAttentionRows) {
                const QueryBlock b = query_block(a, task, head, first);
                const int64_t at = (batch * a.time + first) * out_row + head * a.head_dim;
                const float *dout = a.dout + at, *out = a.out + at;
                float *dq = a.dq + (b.q - a.q);
                block_scores(a, b, keys, p);
                attention_gemm<false>({dout, out_row, 1, values, width, ds, width}, b.count, padded_time(b.keys), a.head_dim);
                for (int64_t r = 0; r < b.count; r++) {
                    Vector along = {};
                    for (int64_t d = 0; d < a.head_dim; d += LANES)
                        along = MULTIPLY_ADD(load(dout + r * out_row + d), load(out + r * out_row + d), along);
                    const Vector delta = splat(total(along));
                    const Vector lse = splat(a.lse[(batch * a.attention_heads + head) * a.time + first + r]);
                    float *ps = p + r * width, *row = ds + r * width;
                    for (int64_t j = 0; j < padded_time(b.keys); j += LANES) {
                        const Vector weight = exponential(load(ps + j) - lse);
                        store(ps + j, weight);
                        store(row + j, weight * (load(row + j) - delta) * a.scale);
                    }
                }
                attention_gemm<false>({ds, width, 1, b.k, b.k_row, dq, b.q_row}, b.count, a.head_dim, b.keys);
                attention_gemm<true>({ds, 1, width, b.q, b.q_row, dk, b.k_row}, b.keys, a.head_dim, b.count);
                attention_gemm<true>({p, 1, width, dout, out_row, dv, b.k_row}, b.keys, a.head_dim, b.count);
            }
        }
    }
}
