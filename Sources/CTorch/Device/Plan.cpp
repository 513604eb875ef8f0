#include "Plan.h"

#include <algorithm>
#include <map>

namespace ct::passes {
namespace {

// Attention takes a multiple of so many pages: a recorded pass then serves 128 tokens, and what is past a sequence's end is
// masked.
constexpr int64_t kPagesAtOnce = 8;

class Planner {
public:
    Planner(Plan &plan, const ct_k_shape &shape, const ct_k_op *ops, int32_t count)
        : plan(plan), shape(shape), ops(ops), count(count) {}

    void run() {
        for (plan.taken = 0; plan.taken < count; plan.taken++) {
            const ct_k_op &op = ops[plan.taken];
            if (op.rows == 0) continue;
            const bool is_block = op.kind == CT_K_BLOCK;
            Step step = {op.kind, op.rows, is_block ? op.outputs : op.rows, op.layer, op.block, op.weight, op.norm, 0, -1, 0};
            const int64_t width = is_block ? shape.width : op.weight->in;
            if (!find(op.x, op.rows * width, step)) break;
            if (is_block) step.standing = standing(op);
            plan.steps.push_back(step);
            note({step.kind, step.rows, step.outputs, step.layer, address(step.block), address(step.weight),
                  address(step.norm), step.input, step.source, int64_t(step.standing)});
            if (step.outputs > 0) made(op.y, step.outputs * (is_block ? shape.width : op.weight->out));
        }
        for (const Value &value : values) {
            plan.results.push_back({value.step, value.begin});
            note({int64_t(value.step)});
        }
        note({plan.float_count, int64_t(plan.numbers.size())});
    }

private:
    // Numbers that a step makes, by the place on the host where they belong. Older ones come first.
    struct Value {
        float *begin;
        const float *end;
        size_t step;
    };

    Plan &plan;
    const ct_k_shape &shape;
    const ct_k_op *ops;
    const int32_t count;
    std::vector<Value> values;

    static int64_t address(const void *pointer) { return reinterpret_cast<int64_t>(pointer); }
    void note(std::initializer_list<int64_t> parts) { plan.key.insert(plan.key.end(), parts); }

    Range add(const std::vector<int64_t> &numbers) {
        const Range range = {int64_t(plan.numbers.size()), int64_t(numbers.size())};
        plan.numbers.insert(plan.numbers.end(), numbers.begin(), numbers.end());
        return range;
    }

    // Where a step finds its input; false if a part of it lies in what an earlier step made.
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

    void made(float *y, int64_t size) {
        const Value value = {y, y + size, plan.steps.size() - 1};
        std::erase_if(values, [&](const Value &old) { return y <= old.begin && old.end <= value.end; });
        values.push_back(value);
    }

    static int64_t number(const ct_k_row &place, int64_t layer, int64_t index) {
        return ct_k_pages_s::page(place.pages[layer * place.layer_stride + index]).number;
    }

    size_t standing(const ct_k_op &op) {
        for (size_t i = 0; i < plan.standings.size(); i++) {
            const Standing &known = plan.standings[i];
            if (known.places == op.places && known.rows == op.rows && known.outputs == op.outputs) return i;
        }
        Standing stand = {op.places, op.rows, op.outputs, 0, {}, {}, {}, {}, {}, {}};
        const ct_k_pages_s &memory = *ct_k_pages_s::page(op.places[0].pages[0]).owner;
        stand.keys = memory.keys, stand.values = memory.values;
        for (int32_t i = 0; i < count; i++)
            if (ops[i].kind == CT_K_BLOCK && ops[i].places == op.places)
                stand.layers = std::max(stand.layers, ops[i].layer + 1);
        std::vector<int64_t> positions, slots;
        for (int64_t row = 0; row < op.rows; row++) positions.push_back(op.places[row].position);
        for (int64_t layer = 0; layer < stand.layers; layer++)
            for (int64_t row = 0; row < op.rows; row++) {
                const ct_k_row &place = op.places[row];
                slots.push_back(
                    number(place, layer, place.slot / slots_per_page) * slots_per_page + place.slot % slots_per_page);
            }
        stand.positions = add(positions), stand.slots = add(slots);
        note({stand.rows, stand.outputs, stand.layers, address(stand.keys.const_data_ptr()),
              address(stand.values.const_data_ptr()), stand.keys.size(0)});
        if (op.outputs > 0) group(stand);
        plan.standings.push_back(std::move(stand));
        return plan.standings.size() - 1;
    }

    // All sequences in one group; with tiles, a group for each tile of each sequence over all slots there can be.
    void group(Standing &stand) {
        const int64_t tile = shape.device->tile, most = (shape.positions + slots_per_page - 1) / slots_per_page;
        const ct_k_row *outputs = stand.places + stand.rows - stand.outputs;
        std::map<float *const *, std::vector<int64_t>> by_sequence;
        for (int64_t row = 0; row < stand.outputs; row++) by_sequence[outputs[row].pages].push_back(row);
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
        std::vector<int64_t> order(stand.outputs);
        int64_t made = 0;
        for (const auto &members : groups) {
            int64_t queries = tile, pages = most;
            if (tile == 0) {
                pages = 0;
                for (const auto &rows : members) {
                    queries = std::max<int64_t>(queries, rows.size());
                    for (int64_t row : rows) pages = std::max(pages, outputs[row].slot / slots_per_page + 1);
                }
                pages = std::max(pages, std::min(most, (pages + kPagesAtOnce - 1) / kPagesAtOnce * kPagesAtOnce));
            }
            std::vector<int64_t> rows, slots, tables;
            for (const auto &member : members)
                for (int64_t query = 0; query < queries; query++) {
                    const bool is_own = query < static_cast<int64_t>(member.size());
                    const int64_t row = is_own ? member[query] : member[0];
                    if (is_own) order[row] = made + static_cast<int64_t>(rows.size());
                    rows.push_back(row);
                    slots.push_back(outputs[row].slot);
                }
            for (int64_t layer = 0; layer < stand.layers; layer++)
                for (const auto &member : members) {
                    // Past the sequence's end its first page again: the mask hides it, and it holds no NaN of another's.
                    const ct_k_row &last = outputs[member.back()];
                    for (int64_t index = 0; index < pages; index++)
                        tables.push_back(number(last, layer, index <= last.slot / slots_per_page ? index : 0));
                }
            made += static_cast<int64_t>(rows.size());
            const int64_t sequences = static_cast<int64_t>(members.size());
            stand.groups.push_back({sequences, queries, pages, add(rows), add(slots), add(tables)});
            note({sequences, queries, pages});
        }
        stand.order = add(order);
    }
};

}  // namespace

Plan::Plan(const ct_k_shape &shape, const ct_k_op *ops, int32_t count) { Planner(*this, shape, ops, count).run(); }

}  // namespace ct::passes
