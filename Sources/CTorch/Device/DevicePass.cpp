// Decoding passes by ATen, on a GPU or any other device: what Kernels/Pass.cpp does for weights packed for the CPU.
//
// Hidden states go up at the first operation and come back at the end; caches and weights stay on the device. Sums are
// float32 whatever the weights are held in.
#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <deque>
#include <map>
#include <mutex>
#include <unordered_map>

#include "ct_kernels.h"
#include "../internal.h"

using at::Tensor;

// The device of a model, and what its passes share.
struct ct_k_device_s {
    at::Device device;
    at::ScalarType dtype;
    int64_t tile;

    ct_k_device_s(at::Device device, at::ScalarType dtype, int64_t tile) : device(device), dtype(dtype), tile(tile) {}

    at::TensorOptions floats() const { return at::TensorOptions().dtype(at::kFloat).device(device); }
    at::TensorOptions elements() const { return floats().dtype(dtype); }

    // A copy on the device of numbers that the model keeps on the host: norms, biases, rotary tables.
    Tensor constant(const float *host, at::IntArrayRef shape) {
        const std::lock_guard<std::mutex> lock(mutex);
        Tensor &copy = constants[host];
        if (!copy.defined()) copy = uploaded(host, shape);
        return copy;
    }

    Tensor uploaded(const float *host, at::IntArrayRef shape) const {
        return at::from_blob(const_cast<float *>(host), shape, at::kFloat).to(device, at::kFloat, false, true);
    }

    Tensor uploaded(const std::vector<int64_t> &numbers) const { return at::tensor(numbers, at::kLong).to(device); }

private:
    std::mutex mutex;
    std::unordered_map<const float *, Tensor> constants;
};

// Keys and values of all sequences of an engine, [pages, 16, K, d] each. What the host takes for a page's address is the
// address of its number here.
struct ct_k_pages_s {
    struct Page {
        ct_k_pages_s *owner;
        int64_t number;
    };

    Tensor keys, values;
    std::deque<Page> pages;
};

namespace {

constexpr int64_t slots_per_page = CT_K_PANEL;

const ct_k_pages_s::Page &page(const float *address) {
    return *reinterpret_cast<const ct_k_pages_s::Page *>(address);
}

// Rows of numbers that the pass has made, by the place on the host where they belong. Older ones come first.
class Values {
public:
    explicit Values(const ct_k_device_s &on) : on(on) {}

    // [rows, width], float32.
    Tensor read(const float *x, int64_t rows, int64_t width) {
        const float *end = x + rows * width;
        for (auto value = values.rbegin(); value != values.rend(); value++) {
            if (value->end() <= x || end <= value->begin) continue;
            if (value->begin <= x && end <= value->end())
                return value->numbers.view(-1).narrow(0, x - value->begin, rows * width).view({rows, width});
            flush();
            break;
        }
        return on.uploaded(x, {rows, width});
    }

    void write(float *y, const Tensor &numbers) {
        const Value made = {y, numbers.contiguous()};
        std::erase_if(values, [&](const Value &old) { return made.begin <= old.begin && old.end() <= made.end(); });
        values.push_back(made);
    }

    // Brings everything to the host.
    void flush() {
        for (const Value &value : values)
            at::from_blob(value.begin, value.numbers.sizes(), at::kFloat).copy_(value.numbers);
        values.clear();
    }

private:
    struct Value {
        float *begin;
        Tensor numbers;
        const float *end() const { return begin + numbers.numel(); }
    };

    const ct_k_device_s &on;
    std::vector<Value> values;
};

// Queries that attend side by side: `sequences` of them with `queries` each, filled up with copies of a first one.
struct Group {
    int64_t sequences, queries, pages;
    Tensor rows;    // [sequences · queries]: which of the output rows
    Tensor tables;  // [layers, sequences · pages]
    Tensor mask;    // bool [sequences, 1, heads of a key · queries, slots]
};

// Where the rows of blocks stand, prepared once for all layers.
struct Standing {
    const ct_k_row *places;
    int64_t rows, outputs;
    ct_k_pages_s *pages;
    Tensor cosine, sine;  // [rows, 1, d / 2]
    Tensor slots;         // [layers, rows]: places among all slots of all pages
    std::vector<Group> groups;
    Tensor order;  // [outputs]: where each output row is among those of all groups
};

class DevicePass {
public:
    DevicePass(const ct_k_shape &shape, const ct_k_op *ops, int32_t count)
        : shape(shape), on(*shape.device), ops(ops), count(count), values(on) {}

    void run() {
        const c10::InferenceMode guard;
        for (int32_t i = 0; i < count; i++) {
            const ct_k_op &op = ops[i];
            if (op.rows == 0) continue;
            if (op.kind == CT_K_PRODUCT) {
                auto x = values.read(op.x, op.rows, op.weight->in);
                if (op.norm != nullptr) x = normed(x, op.norm, op.weight->in);
                values.write(op.y, product(x, *op.weight));
            } else {
                const auto x = values.read(op.x, op.rows, shape.width);
                const auto y = block(x, op);
                if (op.outputs > 0) values.write(op.y, y);
            }
        }
        values.flush();
    }

private:
    const ct_k_shape &shape;
    ct_k_device_s &on;
    const ct_k_op *ops;
    const int32_t count;
    Values values;
    std::deque<Standing> standings;

    Tensor normed(const Tensor &x, const float *scale, int64_t width) {
        return at::rms_norm(x, {width}, on.constant(scale, {width}), shape.epsilon);
    }

    // x [rows, in] · weightᵀ, [rows, out] in float32.
    Tensor product(const Tensor &x, const ct_k_weight &weight) {
        const auto w = ct::borrow(static_cast<ct_tensor>(const_cast<void *>(weight.data))).t();
        if (on.tile == 0) return product(x, w);
        // One shape for every product, so that a row does not see how many others there are.
        std::vector<Tensor> tiles;
        for (int64_t first = 0; first < x.size(0); first += on.tile) {
            const int64_t rows = std::min(on.tile, x.size(0) - first);
            const auto part = at::zeros({on.tile, x.size(1)}, x.options());
            part.narrow(0, 0, rows).copy_(x.narrow(0, first, rows));
            tiles.push_back(product(part, w).narrow(0, 0, rows));
        }
        return tiles.size() == 1 ? tiles[0] : at::cat(tiles);
    }

    Tensor product(const Tensor &x, const Tensor &w) {
        if (on.dtype == at::kFloat) return at::mm(x, w);
        const auto rounded = x.to(on.dtype);
        // CPUs have no product with another type of result.
        return on.device.is_cuda() ? at::mm(rounded, w, at::kFloat) : at::mm(rounded.to(at::kFloat), w.to(at::kFloat));
    }

    Tensor biased(const Tensor &x, const float *bias) {
        return bias == nullptr ? x : x + on.constant(bias, {x.size(1)});
    }

    // [rows, heads · d] to [rows, heads, d], normed and turned.
    Tensor turned(const Tensor &x, const float *norm, const Tensor &cosine, const Tensor &sine) {
        auto heads = x.view({x.size(0), -1, shape.head_dim});
        if (norm != nullptr) heads = normed(heads, norm, shape.head_dim);
        const int64_t half = shape.head_dim / 2;
        const auto first = heads.narrow(2, 0, half), second = heads.narrow(2, half, half);
        return at::cat({first * cosine - second * sine, second * cosine + first * sine}, 2);
    }

    // x [rows, D] to the last `outputs` rows of the block's result.
    Tensor block(const Tensor &x, const ct_k_op &op) {
        const ct_k_block &b = *op.block;
        const Standing &stand = standing(op);
        const auto rows = normed(x, b.attention_norm, shape.width);
        const auto slots = stand.slots[op.layer];
        const auto key = turned(biased(product(rows, b.key), b.key_bias), b.key_norm, stand.cosine, stand.sine);
        const auto value = biased(product(rows, b.value), b.value_bias).view({op.rows, shape.kv_heads, shape.head_dim});
        stand.pages->keys.flatten(0, 1).index_copy_(0, slots, key.to(on.dtype));
        stand.pages->values.flatten(0, 1).index_copy_(0, slots, value.to(on.dtype));
        const int64_t silent = op.rows - op.outputs;
        if (op.outputs == 0) return x.narrow(0, silent, 0);
        const auto last = [&](const Tensor &t) { return t.narrow(0, silent, op.outputs); };
        const auto query = turned(
            biased(product(last(rows), b.query), b.query_bias), b.query_norm, last(stand.cosine), last(stand.sine));
        auto y = last(x) + biased(product(attended(query, stand, op.layer), b.output), b.output_bias);
        const auto inner = normed(y, b.feed_forward_norm, shape.width);
        return y + product(at::silu(product(inner, b.gate)) * product(inner, b.up), b.down);
    }

    // Queries [outputs, H, d] over what their sequences hold up to their slots: [outputs, H · d]. Queries of heads that
    // share a key become more rows of one head.
    Tensor attended(const Tensor &query, const Standing &stand, int64_t layer) {
        const int64_t kv_heads = shape.kv_heads, shared = shape.heads / kv_heads, dim = shape.head_dim;
        std::vector<Tensor> results;
        for (const Group &group : stand.groups) {
            const auto gathered = [&](const Tensor &pages) {
                return pages.index_select(0, group.tables[layer])
                    .view({group.sequences, group.pages * slots_per_page, kv_heads, dim})
                    .transpose(1, 2);
            };
            const auto q = query.to(on.dtype)
                               .index_select(0, group.rows)
                               .view({group.sequences, group.queries, kv_heads, shared, dim})
                               .permute({0, 2, 3, 1, 4})
                               .reshape({group.sequences, kv_heads, shared * group.queries, dim});
            const auto result = at::scaled_dot_product_attention(
                q, gathered(stand.pages->keys), gathered(stand.pages->values), group.mask);
            results.push_back(result.view({group.sequences, kv_heads, shared, group.queries, dim})
                                  .permute({0, 3, 1, 2, 4})
                                  .reshape({group.sequences * group.queries, shape.heads * dim}));
        }
        return at::cat(results).index_select(0, stand.order).to(at::kFloat);
    }

    const Standing &standing(const ct_k_op &op) {
        for (const Standing &known : standings)
            if (known.places == op.places && known.rows == op.rows && known.outputs == op.outputs) return known;
        int64_t layers = 0;
        for (int32_t i = 0; i < count; i++)
            if (ops[i].kind == CT_K_BLOCK && ops[i].places == op.places) layers = std::max(layers, ops[i].layer + 1);
        Standing stand{};
        stand.places = op.places, stand.rows = op.rows, stand.outputs = op.outputs;
        stand.pages = page(op.places[0].pages[0]).owner;
        std::vector<int64_t> positions, slots;
        for (int64_t row = 0; row < op.rows; row++) positions.push_back(op.places[row].position);
        for (int64_t layer = 0; layer < layers; layer++)
            for (int64_t row = 0; row < op.rows; row++) {
                const ct_k_row &place = op.places[row];
                slots.push_back(
                    number(place, layer, place.slot / slots_per_page) * slots_per_page + place.slot % slots_per_page);
            }
        const auto table = [&](const float *host) {
            const int64_t half = shape.head_dim / 2;
            return on.constant(host, {shape.positions, half}).index_select(0, on.uploaded(positions)).unsqueeze(1);
        };
        stand.cosine = table(shape.cosine), stand.sine = table(shape.sine);
        stand.slots = on.uploaded(slots).view({layers, op.rows});
        if (op.outputs > 0) group(stand, layers);
        standings.push_back(std::move(stand));
        return standings.back();
    }

    static int64_t number(const ct_k_row &place, int64_t layer, int64_t index) {
        return page(place.pages[layer * place.layer_stride + index]).number;
    }

    // All sequences in one group; with tiles, a group for each tile of each sequence over all slots there can be.
    void group(Standing &stand, int64_t layers) {
        const ct_k_row *outputs = stand.places + stand.rows - stand.outputs;
        std::map<float *const *, std::vector<int64_t>> by_sequence;
        for (int64_t row = 0; row < stand.outputs; row++) by_sequence[outputs[row].pages].push_back(row);
        std::vector<std::vector<std::vector<int64_t>>> groups;
        if (on.tile == 0) groups.emplace_back();
        for (const auto &[_, rows] : by_sequence) {
            if (on.tile == 0) {
                groups[0].push_back(rows);
                continue;
            }
            for (size_t first = 0; first < rows.size(); first += on.tile) {
                const auto begin = rows.begin() + first;
                groups.push_back({{begin, begin + std::min<size_t>(on.tile, rows.size() - first)}});
            }
        }
        std::vector<int64_t> order(stand.outputs);
        int64_t made = 0;
        for (const auto &members : groups) {
            int64_t queries = on.tile, pages = (shape.positions + slots_per_page - 1) / slots_per_page;
            if (on.tile == 0) {
                pages = 0;
                for (const auto &rows : members) {
                    queries = std::max<int64_t>(queries, rows.size());
                    for (int64_t row : rows) pages = std::max(pages, outputs[row].slot / slots_per_page + 1);
                }
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
            for (int64_t layer = 0; layer < layers; layer++)
                for (const auto &member : members) {
                    // Past the sequence's end any page does: the mask hides it.
                    const ct_k_row &last = outputs[member.back()];
                    for (int64_t index = 0; index < pages; index++)
                        tables.push_back(index <= last.slot / slots_per_page ? number(last, layer, index) : 0);
                }
            made += static_cast<int64_t>(rows.size());
            const int64_t sequences = static_cast<int64_t>(members.size()), shared = shape.heads / shape.kv_heads;
            const auto length = at::arange(pages * slots_per_page, on.floats().dtype(at::kLong));
            const auto mask = length.le(on.uploaded(slots).view({sequences, 1, 1, queries, 1}))
                                  .expand({sequences, 1, shared, queries, length.size(0)})
                                  .reshape({sequences, 1, shared * queries, length.size(0)});
            stand.groups.push_back(
                {sequences, queries, pages, on.uploaded(rows), on.uploaded(tables).view({layers, -1}), mask});
        }
        stand.order = on.uploaded(order);
    }
};

}  // namespace

ct_k_device ct_k_device_new(ct_device device, int32_t dtype, int64_t tile) {
    return new ct_k_device_s(ct::device(device), ct::scalar_type(dtype), tile);
}

void ct_k_device_release(ct_k_device device) { delete device; }

int32_t ct_k_run_on_device(const ct_k_shape *shape, const ct_k_op *ops, int32_t count) {
    return ct::guarded_status([&] { DevicePass(*shape, ops, count).run(); });
}

int64_t ct_k_device_page_bytes(const ct_k_shape *shape) {
    return 2 * slots_per_page * shape->kv_heads * shape->head_dim *
           static_cast<int64_t>(c10::elementSize(shape->device->dtype));
}

ct_k_pages ct_k_pages_new(void) { return new ct_k_pages_s{}; }

void ct_k_pages_release(ct_k_pages pages) { delete pages; }

int32_t ct_k_pages_grow(ct_k_pages pages, const ct_k_shape *shape, int64_t count, float **added) {
    return ct::guarded_status([&] {
        const c10::InferenceMode guard;
        const auto grown = [&](const Tensor &old) {
            const auto more = at::zeros(
                {count, slots_per_page, shape->kv_heads, shape->head_dim}, shape->device->elements());
            return old.defined() ? at::cat({old, more}) : more;
        };
        auto keys = grown(pages->keys), values = grown(pages->values);
        pages->keys = std::move(keys), pages->values = std::move(values);
        for (int64_t i = 0; i < count; i++) {
            pages->pages.push_back({pages, static_cast<int64_t>(pages->pages.size())});
            added[i] = reinterpret_cast<float *>(&pages->pages.back());
        }
    });
}

int32_t ct_k_pages_copy(const float *from, float *to) {
    return ct::guarded_status([&] {
        const c10::InferenceMode guard;
        const auto &source = page(from), &target = page(to);
        for (Tensor *all : {&target.owner->keys, &target.owner->values})
            (*all)[target.number].copy_((*all)[source.number]);
    });
}

int32_t ct_k_pages_clear(float *const *addresses, int64_t count) {
    return ct::guarded_status([&] {
        const c10::InferenceMode guard;
        if (count == 0) return;
        std::vector<int64_t> numbers;
        for (int64_t i = 0; i < count; i++) numbers.push_back(page(addresses[i]).number);
        const auto &owner = *page(addresses[0]).owner;
        const auto which = at::tensor(numbers, at::kLong).to(owner.keys.device());
        owner.keys.index_fill_(0, which, 0);
        owner.values.index_fill_(0, which, 0);
    });
}
