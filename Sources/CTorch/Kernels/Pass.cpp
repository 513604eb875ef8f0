// A decoding pass: blocks and products one after another, all in one parallel region. Threads split outputs, never sums;
// between two steps they meet at a barrier.
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "../internal.h"
#include "Isa.h"
#include "Parallel.h"

using namespace ct::kernels;

namespace {

// Spins, since steps take microseconds; yields after a while, since another program may have the other thread's core.
class Barrier {
public:
    void wait(int64_t threads) {
        if (threads == 1) return;
        const uint32_t generation = generation_.load(std::memory_order_acquire);
        if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads) {
            arrived_.store(0, std::memory_order_relaxed);
            generation_.store(generation + 1, std::memory_order_release);
            return;
        }
        for (int spins = 0; generation_.load(std::memory_order_acquire) == generation; spins++) {
            if (spins < 20000) {
#if defined(__x86_64__)
                __builtin_ia32_pause();
#endif
            } else {
                sched_yield();
            }
        }
    }

private:
    alignas(64) std::atomic<int64_t> arrived_{0};
    alignas(64) std::atomic<uint32_t> generation_{0};
};

// Memory that only grows.
float *scratch(int64_t count) {
    thread_local std::vector<float> memory;
    if (static_cast<int64_t>(memory.size()) < count) memory.resize(count);
    return memory.data();
}

// What the threads share of a block. Rows are padded, so that those of a power-of-two width do not share cache sets.
struct Intermediate {
    int64_t query_stride, key_stride, inner_stride;
    float *query, *key, *value, *attended, *gated;

    static int64_t stride(int64_t width) { return panels(width) * CT_K_PANEL + CT_K_PANEL; }
    static int64_t floats(const ct_k_shape &s, int64_t inner, int64_t rows) {
        return rows * (2 * stride(s.heads * s.head_dim) + 2 * stride(s.kv_heads * s.head_dim) + stride(inner));
    }

    Intermediate(const ct_k_shape &s, int64_t inner, int64_t rows, float *memory)
        : query_stride(stride(s.heads * s.head_dim)),
          key_stride(stride(s.kv_heads * s.head_dim)),
          inner_stride(stride(inner)),
          query(memory),
          key(query + rows * query_stride),
          value(key + rows * key_stride),
          attended(value + rows * key_stride),
          gated(attended + rows * query_stride) {}
};

// Rows of inputs of a product.
struct Input {
    const float *values;
    int64_t stride;
    Rounded rounded;  // for int8 weights
};

struct Range {
    int64_t first, last;
};

// Floats of each thread's own: normed rows, rounded rows, and the scores and the output of one head.
struct Own {
    int64_t normed = 0, rounded = 0, scores = 0;

    // Threads do not share cache lines.
    int64_t floats() const { return (normed + rounded + scores + 15) / 16 * 16; }

    static int64_t padded(int64_t in) { return (in + 63) / 64 * 64; }

    void norms(int64_t rows, int64_t width) { normed = std::max(normed, rows * Intermediate::stride(width)); }
    void reads(int64_t rows, const ct_k_weight &w) {
        if (w.format == CT_K_INT8) rounded = std::max(rounded, rows * (padded(w.in) / 4 + 2 * groups(w.in)));
    }

    void include(const ct_k_shape &s, const ct_k_op &op) {
        if (op.kind == CT_K_PRODUCT) {
            if (op.norm != nullptr) norms(op.rows, s.width);
            return reads(op.rows, *op.weight);
        }
        const ct_k_block &b = *op.block;
        norms(op.rows, s.width);
        for (const auto *w : {&b.query, &b.output, &b.gate, &b.down}) reads(op.rows, *w);
        for (int64_t row = op.rows - op.outputs; row < op.rows; row++)
            scores = std::max(scores, op.places[row].slot + 1 + 64 + s.head_dim + CT_K_PANEL);
    }
};

// One thread's view of a pass.
struct Worker {
    const Isa &k;
    const ct_k_shape &s;
    int64_t thread, threads;
    Barrier &barrier;
    float *normed_rows, *rounded_rows, *head_scores;

    void meet() const { barrier.wait(threads); }

    Range share(int64_t count) const { return {count * thread / threads, count * (thread + 1) / threads}; }

    // This thread's panels of y = residual + x · wᵀ + bias, or of silu(x · wᵀ) · (x · upᵀ), for the rows of x from `row` on.
    void product(
        const ct_k_weight &w, const Input &x, int64_t row, int64_t rows, float *y, int64_t y_stride,
        const float *residual = nullptr, const ct_k_weight *up = nullptr, const float *bias = nullptr
    ) const {
        const Range r = share(panels(w.out));
        if (rows == 0 || r.first == r.last) return;
        const int64_t first = row * groups(w.in);
        const Rounded rounded = {
            x.rounded.values + row * x.rounded.stride, x.rounded.scales + first, x.rounded.sums + first,
            x.rounded.stride};
        k.product({&w, up, x.values + row * x.stride, x.stride, rows, y, y_stride, residual, &rounded}, r.first, r.last);
        if (bias == nullptr) return;
        for (; rows > 0; rows--, y += y_stride)
            for (int64_t i = r.first * CT_K_PANEL; i < std::min(r.last * CT_K_PANEL, w.out); i++) y[i] += bias[i];
    }

    // Rows as the weights' format needs them; every thread rounds all rows for itself, as it norms them.
    Input input(const float *x, int64_t stride, int64_t rows, const ct_k_weight &w) const {
        Input input = {x, stride, {nullptr, nullptr, nullptr, 0}};
        if (w.format != CT_K_INT8) return input;
        const int64_t count = groups(w.in);
        input.rounded = {
            reinterpret_cast<int8_t *>(rounded_rows + 2 * rows * count), rounded_rows,
            reinterpret_cast<int32_t *>(rounded_rows + rows * count), Own::padded(w.in)};
        k.round_rows(x, stride, rows, w.in, input.rounded);
        return input;
    }

    // Every thread norms all rows for itself: less work than a barrier.
    Input normed(const float *x, int64_t rows, const float *norm, const ct_k_weight &w) const {
        const int64_t stride = Intermediate::stride(s.width);
        k.rms_norm(x, rows, s.width, norm, s.epsilon, normed_rows, stride);
        return input(normed_rows, stride, rows, w);
    }

    void append(const Intermediate &m, const ct_k_op &op, int64_t row, int64_t head) const {
        const ct_k_row &place = op.places[row];
        const int64_t d = s.head_dim, padded = panels(d) * CT_K_PANEL, half = d / 2;
        float *key = m.key + row * m.key_stride + head * d;
        const float *value = m.value + row * m.key_stride + head * d;
        if (op.block->key_norm != nullptr) k.rms_norm(key, 1, d, op.block->key_norm, s.epsilon, key, d);
        k.rotate(key, d, s.cosine + place.position * half, s.sine + place.position * half);
        float *page = place.pages[op.layer * place.layer_stride + place.slot / CT_K_PANEL];
        const int64_t slot = place.slot % CT_K_PANEL;
        float *keys = page + keys_at(head) + slot;
        for (int64_t i = 0; i < d; i++) keys[i * CT_K_PANEL] = key[i];
        std::memcpy(page + values_at(head) + slot * padded, value, d * sizeof(float));
    }

    // Where a key/value head's keys and values begin in a page.
    int64_t keys_at(int64_t head) const { return head * s.head_dim * CT_K_PANEL; }
    int64_t values_at(int64_t head) const {
        return s.kv_heads * s.head_dim * CT_K_PANEL + head * CT_K_PANEL * panels(s.head_dim) * CT_K_PANEL;
    }

    void attend(const Intermediate &m, const ct_k_op &op, int64_t row, int64_t head) const {
        const ct_k_row &place = op.places[row];
        const int64_t d = s.head_dim, half = d / 2, length = place.slot + 1;
        const int64_t shared = head / (s.heads / s.kv_heads);
        float *query = m.query + row * m.query_stride + head * d;
        if (op.block->query_norm != nullptr) k.rms_norm(query, 1, d, op.block->query_norm, s.epsilon, query, d);
        k.rotate(query, d, s.cosine + place.position * half, s.sine + place.position * half);
        float *out = head_scores + length + 64;
        k.attention(
            query, d, place.pages + op.layer * place.layer_stride, keys_at(shared), values_at(shared), length,
            1 / std::sqrt(static_cast<float>(d)), head_scores, out);
        std::memcpy(m.attended + row * m.query_stride + head * d, out, d * sizeof(float));
    }

    // y = h + down(silu(gate(norm(h))) · up(norm(h))) with h = x + output(attention(norm(x))).
    void block(const ct_k_op &op, const Intermediate &m) const {
        const ct_k_block &b = *op.block;
        const int64_t rows = op.rows, outputs = op.outputs, skipped = rows - outputs, d = s.head_dim;
        const float *tail = op.x + skipped * s.width;

        const Input x = normed(op.x, rows, b.attention_norm, b.query);
        product(
            b.query, x, skipped, outputs, m.query + skipped * m.query_stride, m.query_stride, nullptr, nullptr,
            b.query_bias);
        product(b.key, x, 0, rows, m.key, m.key_stride, nullptr, nullptr, b.key_bias);
        product(b.value, x, 0, rows, m.value, m.key_stride, nullptr, nullptr, b.value_bias);
        // A thread whose panels are whole key/value heads with their queries goes on alone.
        const bool grouped = s.kv_heads % threads == 0;
        if (!grouped || d % CT_K_PANEL != 0) meet();
        if (grouped) {
            const Range own = share(s.kv_heads);
            const int64_t queries = s.heads / s.kv_heads;
            for (int64_t row = 0; row < rows; row++)
                for (int64_t head = own.first; head < own.last; head++) append(m, op, row, head);
            for (int64_t row = skipped; row < rows; row++)
                for (int64_t head = own.first * queries; head < own.last * queries; head++) attend(m, op, row, head);
        } else {
            Range own = share(rows * s.kv_heads);
            for (int64_t i = own.first; i < own.last; i++) append(m, op, i / s.kv_heads, i % s.kv_heads);
            meet();
            own = share(outputs * s.heads);
            for (int64_t i = own.first; i < own.last; i++) attend(m, op, skipped + i / s.heads, i % s.heads);
        }
        meet();
        const float *attended = m.attended + skipped * m.query_stride;
        product(
            b.output, input(attended, m.query_stride, outputs, b.output), 0, outputs, op.y, s.width, tail, nullptr,
            b.output_bias);
        meet();

        const Input h = normed(op.y, outputs, b.feed_forward_norm, b.gate);
        product(b.gate, h, 0, outputs, m.gated, m.inner_stride, nullptr, &b.up);
        meet();
        product(b.down, input(m.gated, m.inner_stride, outputs, b.down), 0, outputs, op.y, s.width, op.y);
        meet();
    }

    void run(const ct_k_op &op, float *memory) const {
        if (op.kind == CT_K_BLOCK) return block(op, Intermediate(s, op.block->gate.out, op.rows, memory));
        const ct_k_weight &w = *op.weight;
        const Input x = op.norm == nullptr ? input(op.x, w.in, op.rows, w) : normed(op.x, op.rows, op.norm, w);
        product(w, x, 0, op.rows, op.y, w.out);
        meet();
    }
};

double multiplications(const ct_k_shape &s, const ct_k_op &op) {
    if (op.kind == CT_K_PRODUCT) return double(op.rows) * double(op.weight->in) * double(op.weight->out);
    const double matrices = double(s.width) * (2.0 * (s.heads + s.kv_heads) * s.head_dim + 3.0 * op.block->gate.out);
    return double(op.rows) * matrices;
}

}  // namespace

int64_t ct_k_page_floats(const ct_k_shape *s) {
    return s->kv_heads * CT_K_PANEL * (s->head_dim + panels(s->head_dim) * CT_K_PANEL);
}

int32_t ct_k_run(const ct_k_shape *shape, const ct_k_op *ops, int32_t count) {
    return ct::guarded_status([&] {
        double work = 0;
        int64_t shared = 0;
        Own own;
        for (int32_t i = 0; i < count; i++) {
            work += multiplications(*shape, ops[i]);
            own.include(*shape, ops[i]);
            if (ops[i].kind == CT_K_BLOCK)
                shared = std::max(shared, Intermediate::floats(*shape, ops[i].block->gate.out, ops[i].rows));
        }
        const int32_t team = team_size(work);
        float *memory = scratch(team * own.floats() + shared);
        const Isa &k = isa();
        Barrier barrier;
        on_team_of(team, [&](int64_t thread, int64_t threads) {
            float *mine = memory + thread * own.floats();
            const Worker worker = {
                k, *shape, thread, threads, barrier, mine, mine + own.normed, mine + own.normed + own.rounded};
            for (int32_t i = 0; i < count; i++) worker.run(ops[i], memory + team * own.floats());
        });
    });
}

void ct_k_read(const float *x, int64_t n) {
    static std::atomic<float> sink;
    in_parallel(n / 64, double(n), [&](int64_t first, int64_t last) {
        sink.store(isa().read(x + first * 64, (last - first) * 64), std::memory_order_relaxed);
    });
}
