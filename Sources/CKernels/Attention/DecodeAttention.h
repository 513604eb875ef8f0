// Attention of one row of a decoding pass over the pages of its cache. Included by each instruction set's file.
//
// Summation follows the logical order (DecodeContext), never the slot order. Usually a context starts with indices that equal
// their slots 0, 1, 2, ...: this part is read page by page, the rest slot by slot, in the same order of summation.

// sum [ND · LANES] += probability · value row.
template <int ND>
INLINE void add_value(Vector *sum, const float *value, float probability) {
    UNROLL for (int d = 0; d < ND; d++)
        sum[d] = MULTIPLY_ADD(load(value + d * LANES), splat(probability), sum[d]);
}

// out [ND · LANES] = factor · Σ probability · value row, in four accumulators selected by the index's last two bits. The first
// `contiguous` indices equal their slots; those below the context's first one are left out.
template <int ND>
INLINE void weighted_sum(
    const DecodeContext &context, int64_t contiguous, int64_t first, int64_t stride, const float *probability, float factor,
    float *out
) {
    Vector sum[4 * ND];
    UNROLL for (int i = 0; i < 4 * ND; i++) sum[i] = Vector{};
    for (int64_t start = context.first / CK_PANEL * CK_PANEL; start < contiguous; start += CK_PANEL) {
        const float *v = context.page(start / CK_PANEL) + first;
        const int64_t count = std::min<int64_t>(CK_PANEL, contiguous - start);
        int64_t j = std::max<int64_t>(0, context.first - start);
        for (; j % 4 != 0 && j < count; j++)
            UNROLL for (int c = 0; c < 4; c++) if ((j & 3) == c) add_value<ND>(sum + c * ND, v + j * stride, probability[start + j]);
        for (; j + 4 <= count; j += 4)
            UNROLL for (int c = 0; c < 4; c++) add_value<ND>(sum + c * ND, v + (j + c) * stride, probability[start + j + c]);
        UNROLL for (int c = 0; c < 3; c++)
            if (j + c < count) add_value<ND>(sum + c * ND, v + (j + c) * stride, probability[start + j + c]);
    }
    for (int64_t j = std::max(contiguous, context.first); j < context.length(); j++) {
        const int64_t slot = context.slot_of(j);
        const float *v = context.page(slot / CK_PANEL) + first + slot % CK_PANEL * stride;
        // A constant index keeps the accumulators in registers.
        UNROLL for (int c = 0; c < 4; c++)
            if ((j & 3) == c) add_value<ND>(sum + c * ND, v, probability[j]);
    }
    UNROLL for (int d = 0; d < ND; d++)
        store(out + d * LANES, ((sum[d] + sum[ND + d]) + (sum[2 * ND + d] + sum[3 * ND + d])) * factor);
}

// Scores of all slots of the NP pages starting at page `index`.
template <int NP>
INLINE void page_scores(const float *q, int64_t head_dim, const DecodeContext &context, int64_t index, float *scores) {
    Panel panel[NP];
    UNROLL for (int p = 0; p < NP; p++) panel[p] = {context.page(index + p) + context.keys, nullptr};
    tile<CK_F32, NP, 1>(panel, q, 0, head_dim, scores);
}

void decode_attention(
    const float *q, int64_t head_dim, const DecodeContext &context, float scale, float *scores, float *out
) {
    const int64_t length = context.length(), count = panels(length);
    int64_t contiguous = context.prefix;
    while (contiguous < length && context.slot_of(contiguous) == contiguous) contiguous++;
    const int64_t begin = context.first / CK_PANEL;
    int64_t page = begin;
    for (; page + 4 <= panels(contiguous); page += 4) page_scores<4>(q, head_dim, context, page, scores + page * CK_PANEL);
    for (; page + 2 <= panels(contiguous); page += 2) page_scores<2>(q, head_dim, context, page, scores + page * CK_PANEL);
    for (; page < panels(contiguous); page++) page_scores<1>(q, head_dim, context, page, scores + page * CK_PANEL);
    // A page's scores are reused for consecutive indices in the same page.
    float slots[CK_PANEL] __attribute__((aligned(64)));
    int64_t scored = -1;
    for (int64_t j = std::max(contiguous, context.first); j < length; j++) {
        const int64_t slot = context.slot_of(j);
        if (slot / CK_PANEL != scored) {
            scored = slot / CK_PANEL;
            page_scores<1>(q, head_dim, context, scored, slots);
        }
        scores[j] = slots[slot % CK_PANEL];
    }
    for (int64_t j = length; j < count * CK_PANEL; j++) scores[j] = -__builtin_inff();
    for (int64_t j = begin * CK_PANEL; j < context.first; j++) scores[j] = -__builtin_inff();
    Vector largest = load(scores + begin * CK_PANEL);
    for (int64_t j = begin * CK_PANEL; j < count * CK_PANEL; j += LANES) largest = larger(load(scores + j), largest);
    const float peak = __builtin_reduce_max(largest);
    Vector sum = {};
    for (int64_t j = begin * CK_PANEL; j < count * CK_PANEL; j += LANES) {
        const Vector p = exponential((load(scores + j) - splat(peak)) * splat(scale));
        store(scores + j, p);
        sum = sum + p;
    }
    const float factor = 1.0f / total(sum);
    const int64_t stride = panels(head_dim) * CK_PANEL;
    int64_t d = 0;
    for (; d + 4 * LANES <= stride; d += 4 * LANES)
        weighted_sum<4>(context, contiguous, context.values + d, stride, scores, factor, out + d);
    for (; d + 2 * LANES <= stride; d += 2 * LANES)
        weighted_sum<2>(context, contiguous, context.values + d, stride, scores, factor, out + d);
    for (; d < stride; d += LANES)
        weighted_sum<1>(context, contiguous, context.values + d, stride, scores, factor, out + d);
}
