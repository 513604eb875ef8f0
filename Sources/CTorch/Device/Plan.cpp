#include "Plan.h"

#include <algorithm>
#include <map>

#include "../internal.h"

namespace ct::passes {
namespace {

// Attention covers a multiple of this number of pages, so that one recorded pass serves 128 consecutive lengths; slots beyond
// a sequence's end are masked.
constexpr int64_t kPageMultiple = 8;

class Planner {
public:
    Planner(
        Plan &plan, const ct_decoder_s &decoder, const ct_decode_cache_s &cache, const ct_decode_op *ops, int32_t count
    )
        : plan(plan), decoder(decoder), cache(cache), ops(ops), count(count) {}

    void run() {
        for (plan.taken = 0; plan.taken < count; plan.taken++) {
            const ct_decode_op &op = ops[plan.taken];
            if (op.rows == 0) continue;
            const bool is_block = op.kind == CT_DECODE_BLOCK;
            Step step = {op.kind, op.rows, is_block ? op.outputs : op.rows, op.layer, op.block, op.weight, op.norm, 0, -1, 0};
            const auto weight = is_block ? at::Tensor() : ct::borrow(op.weight);
            const int64_t width = is_block ? decoder.shape.width : weight.size(1);
            if (!find(op.x, op.rows * width, step)) break;
            if (is_block) step.metadata = metadata(op);
            plan.steps.push_back(step);
            add_to_key({step.kind, step.rows, step.outputs, step.layer, address(step.block), address(step.weight),
                        address(step.norm), step.input, step.source, int64_t(step.metadata)});
            if (step.outputs > 0) record_output(op.y, step.outputs * (is_block ? width : weight.size(0)));
        }
        for (const Value &value : values) {
            plan.results.push_back({value.step, value.begin});
            add_to_key({int64_t(value.step)});
        }
        add_to_key({plan.float_count, int64_t(plan.numbers.size())});
    }

private:
    // The output of a step and its host address range; in the order of steps.
    struct Value {
        float *begin;
        const float *end;
        size_t step;
    };

    Plan &plan;
    const ct_decoder_s &decoder;
    const ct_decode_cache_s &cache;
    const ct_decode_op *ops;
    const int32_t count;
    std::vector<Value> values;

    static int64_t address(const void *pointer) { return reinterpret_cast<int64_t>(pointer); }
    void add_to_key(std::initializer_list<int64_t> parts) { plan.key.insert(plan.key.end(), parts); }

    Range add(const std::vector<int64_t> &numbers) {
        const Range range = {int64_t(plan.numbers.size()), int64_t(numbers.size())};
        plan.numbers.insert(plan.numbers.end(), numbers.begin(), numbers.end());
        return range;
    }

    // Resolves the input of a step: an earlier step's output, or floats on the host. Returns false if an earlier output covers
    // only part of it.
    bool find(const float *x, int64_t size, Step &step) {
        for (auto value = values.rbegin(); value != values.rend(); value++) {
            if (value->end <= x || x + size <= value->begin) continue;
            step.source = int64_t(value->step), step.input = x - value->begin;
            return value->begin <= x && x + size <= value->end;
        }
        step.source = -1, step.input = plan.float_count;
        plan.floats.push_back({x, size});
        plan.float_count += size;
        return true;
    }

    void record_output(float *y, int64_t size) {
        const Value value = {y, y + size, plan.steps.size() - 1};
        std::erase_if(values, [&](const Value &old) { return y <= old.begin && old.end <= value.end; });
        values.push_back(value);
    }

    static int64_t page(const ct_decode_row &row, int64_t layer, int64_t index) {
        return row.pages[layer * row.layer_stride + index];
    }

    size_t metadata(const ct_decode_op &op) {
        for (size_t i = 0; i < plan.metadata.size(); i++) {
            const AttentionMetadata &known = plan.metadata[i];
            if (known.row_table == op.row_table && known.rows == op.rows && known.outputs == op.outputs) return i;
        }
        AttentionMetadata made = {op.row_table, op.rows, op.outputs, 0, cache.keys, cache.values, {}, {}, {}, {}};
        for (int32_t i = 0; i < count; i++)
            if (ops[i].kind == CT_DECODE_BLOCK && ops[i].row_table == op.row_table)
                made.layers = std::max(made.layers, ops[i].layer + 1);
        std::vector<int64_t> positions, slot_mapping;
        for (int64_t row = 0; row < op.rows; row++) positions.push_back(op.row_table[row].position);
        for (int64_t layer = 0; layer < made.layers; layer++)
            for (int64_t row = 0; row < op.rows; row++) {
                const int64_t slot = op.row_table[row].slot;
                slot_mapping.push_back(
                    page(op.row_table[row], layer, slot / slots_per_page) * slots_per_page + slot % slots_per_page);
            }
        made.positions = add(positions), made.slot_mapping = add(slot_mapping);
        add_to_key({made.rows, made.outputs, made.layers, address(made.keys.const_data_ptr()),
                    address(made.values.const_data_ptr()), made.keys.size(0)});
        if (op.outputs > 0) group(made);
        plan.metadata.push_back(std::move(made));
        return plan.metadata.size() - 1;
    }

    // Groups the output rows by sequence: one group for all sequences or, with tiles, one per tile of each sequence, over all
    // slots of a context.
    void group(AttentionMetadata &metadata) {
        const int64_t tile = decoder.tile, most = (decoder.shape.positions + slots_per_page - 1) / slots_per_page;
        const ct_decode_row *outputs = metadata.row_table + metadata.rows - metadata.outputs;
        std::map<const int32_t *, std::vector<int64_t>> by_sequence;
        for (int64_t row = 0; row < metadata.outputs; row++) by_sequence[outputs[row].pages].push_back(row);
        std::vector<std::vector<std::vector<int64_t>>> groups;
        if (tile == 0) groups.emplace_back();
        for (const auto &[_, rows] : by_sequence) {
            if (tile == 0) {
                groups[0].push_back(rows);
                continue;
            }
            for (size_t first = 0; first < rows.size(); first += tile) {
                const auto begin = rows.begin() + first;
                groups.push_back({{begin, begin + std::min<size_t>(tile, rows.size() - first)}});
            }
        }
        std::vector<int64_t> order(metadata.outputs);
        int64_t attending = 0;
        for (const auto &members : groups) {
            int64_t queries = tile, pages = most;
            if (tile == 0) {
                pages = 0;
                for (const auto &rows : members) {
                    queries = std::max<int64_t>(queries, rows.size());
                    for (int64_t row : rows) pages = std::max(pages, outputs[row].slot / slots_per_page + 1);
                }
                pages = std::max(pages, std::min(most, (pages + kPageMultiple - 1) / kPageMultiple * kPageMultiple));
            }
            std::vector<int64_t> rows, slots, tables;
            for (const auto &member : members)
                for (int64_t query = 0; query < queries; query++) {
                    const bool is_own = query < static_cast<int64_t>(member.size());
                    const int64_t row = is_own ? member[query] : member[0];
                    if (is_own) order[row] = attending + static_cast<int64_t>(rows.size());
                    rows.push_back(row);
                    slots.push_back(outputs[row].slot);
                }
            for (int64_t layer = 0; layer < metadata.layers; layer++)
                for (const auto &member : members) {
                    // Beyond the sequence's end, its first page: masked, and in contrast to another sequence's free of NaN.
                    const ct_decode_row &last = outputs[member.back()];
                    for (int64_t index = 0; index < pages; index++)
                        tables.push_back(page(last, layer, index <= last.slot / slots_per_page ? index : 0));
                }
            attending += static_cast<int64_t>(rows.size());
            const int64_t sequences = static_cast<int64_t>(members.size());
            metadata.groups.push_back({sequences, queries, pages, add(rows), add(slots), add(tables)});
            add_to_key({sequences, queries, pages});
        }
        metadata.order = add(order);
    }
};

}  // namespace

Plan::Plan(const ct_decoder_s &decoder, const ct_decode_cache_s &cache, const ct_decode_op *ops, int32_t count) {
    Planner(*this, decoder, cache, ops, count).run();
}

}  // namespace ct::passes
