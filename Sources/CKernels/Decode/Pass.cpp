// A decoding pass: blocks and GEMMs in order, all in one parallel region. Threads split outputs, never sums, and meet at a
// barrier between two steps.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <new>
#include <stdexcept>
#include <vector>

#include "../Isa/Isa.h"
#include "../Threads/Parallel.h"
#include "Barrier.h"
#include "ck_decode.h"

using namespace ck;

namespace {

// Memory that only grows.
float *scratch(int64_t count) {
    thread_local std::vector<float> memory;
    if (static_cast<int64_t>(memory.size()) < count) memory.resize(count);
    return memory.data();
}

// Intermediate results of a block, shared by the threads. Rows are padded, so that rows of a power-of-two width do not map to
// the same cache sets.
struct Intermediate {
    int64_t query_stride, key_stride, inner_stride;
    float *query, *key, *value, *attended, *swiglu, *up;

    static int64_t stride(int64_t width) { return panels(width) * CK_PANEL + CK_PANEL; }
    // `up` is used by blocks with biases only.
    static int64_t floats(const ck_shape &s, const ck_block &block, int64_t rows) {
        const int64_t inner = stride(block.gate.out) * (block.gate_bias == nullptr ? 1 : 2);
        return rows * (2 * stride(s.attention_heads * s.head_dim) + 2 * stride(s.kv_heads * s.head_dim) + inner);
    }

    Intermediate(const ck_shape &s, int64_t inner, int64_t rows, float *memory)
        : query_stride(stride(s.attention_heads * s.head_dim)),
          key_stride(stride(s.kv_heads * s.head_dim)),
          inner_stride(stride(inner)),
          query(memory),
          key(query + rows * query_stride),
          value(key + rows * key_stride),
          attended(value + rows * key_stride),
          swiglu(attended + rows * query_stride),
          up(swiglu + rows * inner_stride) {}
};

// The input rows of a GEMM.
struct Input {
    const float *values;
    int64_t stride;
    Rounded rounded;  // for int8 weights
};

struct Range {
    int64_t first, last;
};

int64_t length(const ck_row &row) { return row.prefix + row.ancestor_count + 1; }

// Size of each thread's scratch memory in floats: normed rows, rounded rows, and the scores and the output of one head.
struct ThreadScratch {
    int64_t normed = 0, rounded = 0, scores = 0;

    // Rounded up to cache lines, which threads must not share.
    int64_t floats() const { return (normed + rounded + scores + 15) / 16 * 16; }

    static int64_t padded(int64_t in) { return (in + 63) / 64 * 64; }

    void norms(int64_t rows, int64_t width) { normed = std::max(normed, rows * Intermediate::stride(width)); }
    void reads(int64_t rows, const ck_weight &w) {
        if (w.format == CK_INT8) rounded = std::max(rounded, rows * (padded(w.in) / 4 + 2 * groups(w.in)));
    }

    void include(const ck_shape &s, const ck_op &op) {
        if (op.kind == CK_GEMM) {
            if (op.norm != nullptr) norms(op.rows, s.width);
            return reads(op.rows, *op.weight);
        }
        const ck_block &b = *op.block;
        norms(op.rows, s.width);
        for (const auto *w : {&b.query, &b.output, &b.gate, &b.down}) reads(op.rows, *w);
        for (int64_t row = op.rows - op.outputs; row < op.rows; row++)
            scores = std::max(scores, length(op.row_table[row]) + 64 + s.head_dim + CK_PANEL);
    }
};

// One thread's view of a pass.
struct Worker {
    const Isa &k;
    const ck_shape &s;
    float *const *page_memory;
    int64_t thread, threads;
    Barrier &barrier;
    float *normed_rows, *rounded_rows, *head_scores;

    void meet() const { barrier.wait(threads); }

    Range share(int64_t count) const { return {count * thread / threads, count * (thread + 1) / threads}; }

    // This thread's panels of y = residual + x · wᵀ + bias, or of silu(x · wᵀ) · (x · upᵀ), for `rows` rows of x from `row` on.
    void gemm(
        const ck_weight &w, const Input &x, int64_t row, int64_t rows, float *y, int64_t y_stride,
        const float *residual = nullptr, const ck_weight *up = nullptr, const float *bias = nullptr
    ) const {
        const Range r = share(panels(w.out));
        if (rows == 0 || r.first == r.last) return;
        const int64_t first = row * groups(w.in);
        const Rounded rounded = {
            x.rounded.values + row * x.rounded.stride, x.rounded.scales + first, x.rounded.sums + first,
            x.rounded.stride};
        k.decode_gemm({&w, up, x.values + row * x.stride, x.stride, rows, y, y_stride, residual, &rounded}, r.first, r.last);
        if (bias == nullptr) return;
        for (; rows > 0; rows--, y += y_stride)
            for (int64_t i = r.first * CK_PANEL; i < std::min(r.last * CK_PANEL, w.out); i++) y[i] += bias[i];
    }

    // Rows in the form that the weights' format requires. Every thread rounds all rows redundantly, as with norms.
    Input input(const float *x, int64_t stride, int64_t rows, const ck_weight &w) const {
        Input input = {x, stride, {nullptr, nullptr, nullptr, 0}};
        if (w.format != CK_INT8) return input;
        const int64_t count = groups(w.in);
        input.rounded = {
            reinterpret_cast<int8_t *>(rounded_rows + 2 * rows * count), rounded_rows,
            reinterpret_cast<int32_t *>(rounded_rows + rows * count), ThreadScratch::padded(w.in)};
        k.round_rows(x, stride, rows, w.in, input.rounded);
        return input;
    }

    // Every thread norms all rows redundantly, which is cheaper than a barrier.
    Input normed(const float *x, int64_t rows, const float *norm, const ck_weight &w) const {
        const int64_t stride = Intermediate::stride(s.width);
        k.decode_norm(x, rows, s.width, norm, s.epsilon, normed_rows, stride);
        return input(normed_rows, stride, rows, w);
    }

    void append(const Intermediate &m, const ck_op &op, int64_t row, int64_t head) const {
        const ck_row &at = op.row_table[row];
        const int64_t d = s.head_dim, padded = panels(d) * CK_PANEL, half = d / 2;
        float *key = m.key + row * m.key_stride + head * d;
        const float *value = m.value + row * m.key_stride + head * d;
        if (op.block->key_norm != nullptr) k.decode_norm(key, 1, d, op.block->key_norm, s.epsilon, key, d);
        k.rope(key, d, 0, 1, 1, d, 1, s.cosine + at.position * half, s.sine + at.position * half, 1);
        float *page = page_memory[at.pages[op.layer * at.layer_stride + at.slot / CK_PANEL]];
        const int64_t slot = at.slot % CK_PANEL;
        float *keys = page + keys_at(head) + slot;
        for (int64_t i = 0; i < d; i++) keys[i * CK_PANEL] = key[i];
        std::memcpy(page + values_at(head) + slot * padded, value, d * sizeof(float));
    }

    // Offsets of a key/value head's keys and values in a page.
    int64_t keys_at(int64_t head) const { return head * s.head_dim * CK_PANEL; }
    int64_t values_at(int64_t head) const {
        return s.kv_heads * s.head_dim * CK_PANEL + head * CK_PANEL * panels(s.head_dim) * CK_PANEL;
    }

    void attend(const Intermediate &m, const ck_op &op, int64_t row, int64_t head) const {
        const ck_row &at = op.row_table[row];
        const int64_t d = s.head_dim, half = d / 2;
        const int64_t shared = head / (s.attention_heads / s.kv_heads);
        float *query = m.query + row * m.query_stride + head * d;
        if (op.block->query_norm != nullptr) k.decode_norm(query, 1, d, op.block->query_norm, s.epsilon, query, d);
        k.rope(query, d, 0, 1, 1, d, 1, s.cosine + at.position * half, s.sine + at.position * half, 1);
        const DecodeContext context = {
            page_memory, at.pages + op.layer * at.layer_stride, keys_at(shared), values_at(shared), at.prefix,
            at.ancestors, at.ancestor_count, at.slot, op.block->window == 0 ? 0 : std::max<int64_t>(0, length(at) - op.block->window)};
        float *out = head_scores + context.length() + 64;
        k.decode_attention(query, d, context, 1 / std::sqrt(static_cast<float>(d)), head_scores, out);
        std::memcpy(m.attended + row * m.query_stride + head * d, out, d * sizeof(float));
    }

    // This thread's panels of swiglu = silu(swiglu) · up.
    void activate(const ck_block &b, const Intermediate &m, int64_t rows) const {
        const Range r = share(panels(b.gate.out));
        for (int64_t row = 0; row < rows; row++) {
            float *gate = m.swiglu + row * m.inner_stride;
            const float *up = m.up + row * m.inner_stride;
            for (int64_t i = r.first * CK_PANEL; i < std::min(r.last * CK_PANEL, b.gate.out); i++)
                gate[i] = gate[i] / (1 + std::exp(-gate[i])) * up[i];
        }
    }

    // y = h + down(silu(gate(norm(h))) · up(norm(h))) with h = x + output(attention(norm(x))).
    void block(const ck_op &op, const Intermediate &m) const {
        const ck_block &b = *op.block;
        const int64_t rows = op.rows, outputs = op.outputs, cache_only = rows - outputs, d = s.head_dim;
        const float *tail = op.x + cache_only * s.width;

        const Input x = normed(op.x, rows, b.attention_norm, b.query);
        gemm(
            b.query, x, cache_only, outputs, m.query + cache_only * m.query_stride, m.query_stride, nullptr, nullptr,
            b.query_bias);
        gemm(b.key, x, 0, rows, m.key, m.key_stride, nullptr, nullptr, b.key_bias);
        gemm(b.value, x, 0, rows, m.value, m.key_stride, nullptr, nullptr, b.value_bias);
        // No barrier is needed if each thread's panels are complete key/value heads with their queries.
        const bool grouped = s.kv_heads % threads == 0;
        if (!grouped || d % CK_PANEL != 0) meet();
        if (grouped) {
            const Range own = share(s.kv_heads);
            const int64_t queries = s.attention_heads / s.kv_heads;
            for (int64_t row = 0; row < rows; row++)
                for (int64_t head = own.first; head < own.last; head++) append(m, op, row, head);
            for (int64_t row = cache_only; row < rows; row++)
                for (int64_t head = own.first * queries; head < own.last * queries; head++) attend(m, op, row, head);
        } else {
            Range own = share(rows * s.kv_heads);
            for (int64_t i = own.first; i < own.last; i++) append(m, op, i / s.kv_heads, i % s.kv_heads);
            meet();
            own = share(outputs * s.attention_heads);
            for (int64_t i = own.first; i < own.last; i++)
                attend(m, op, cache_only + i / s.attention_heads, i % s.attention_heads);
        }
        meet();
        const float *attended = m.attended + cache_only * m.query_stride;
        gemm(
            b.output, input(attended, m.query_stride, outputs, b.output), 0, outputs, op.y, s.width, tail, nullptr,
            b.output_bias);
        meet();

        const Input h = normed(op.y, outputs, b.feed_forward_norm, b.gate);
        if (b.gate_bias == nullptr) {
            gemm(b.gate, h, 0, outputs, m.swiglu, m.inner_stride, nullptr, &b.up);
        } else {
            gemm(b.gate, h, 0, outputs, m.swiglu, m.inner_stride, nullptr, nullptr, b.gate_bias);
            gemm(b.up, h, 0, outputs, m.up, m.inner_stride, nullptr, nullptr, b.up_bias);
            activate(b, m, outputs);
        }
        meet();
        gemm(
            b.down, input(m.swiglu, m.inner_stride, outputs, b.down), 0, outputs, op.y, s.width, op.y, nullptr,
            b.down_bias);
        meet();
    }

    void run(const ck_op &op, float *memory) const {
        if (op.kind == CK_BLOCK) return block(op, Intermediate(s, op.block->gate.out, op.rows, memory));
        const ck_weight &w = *op.weight;
        const Input x = op.norm == nullptr ? input(op.x, w.in, op.rows, w) : normed(op.x, op.rows, op.norm, w);
        gemm(w, x, 0, op.rows, op.y, w.out);
        meet();
    }
};

double multiplications(const ck_shape &s, const ck_op &op) {
    if (op.kind == CK_GEMM) return double(op.rows) * double(op.weight->in) * double(op.weight->out);
    const double attention = 2.0 * (s.attention_heads + s.kv_heads) * s.head_dim;
    return double(op.rows) * (double(s.width) * (attention + 3.0 * op.block->gate.out));
}

}  // namespace

int64_t ck_page_floats(const ck_shape *s) {
    return s->kv_heads * CK_PANEL * (s->head_dim + panels(s->head_dim) * CK_PANEL);
}

int32_t ck_run(const ck_shape *shape, float *const *page_memory, const ck_op *ops, int32_t count) {
    try {
        double work = 0;
        int64_t shared = 0;
        ThreadScratch own;
        for (int32_t i = 0; i < count; i++) {
            work += multiplications(*shape, ops[i]);
            own.include(*shape, ops[i]);
            if (ops[i].kind == CK_BLOCK)
                shared = std::max(shared, Intermediate::floats(*shape, *ops[i].block, ops[i].rows));
        }
        const int32_t team = team_size(work);
        float *memory = scratch(team * own.floats() + shared);
        const Isa &k = isa();
        Barrier barrier;
        on_team_of(team, [&](int64_t thread, int64_t threads) {
            float *mine = memory + thread * own.floats();
            const Worker worker = {
                k, *shape, page_memory, thread, threads, barrier, mine, mine + own.normed, mine + own.normed + own.rounded};
            for (int32_t i = 0; i < count; i++) worker.run(ops[i], memory + team * own.floats());
        });
        return CK_OK;
    } catch (const std::bad_alloc &) {
        return CK_OUT_OF_MEMORY;
    } catch (const std::length_error &) {
        return CK_OUT_OF_MEMORY;
    }
}

void ck_read(const float *x, int64_t n) {
    static std::atomic<float> sink;
    in_parallel(n / 64, double(n), [&](int64_t first, int64_t last) {
        sink.store(isa().read(x + first * 64, (last - first) * 64), std::memory_order_relaxed);
    });
}
