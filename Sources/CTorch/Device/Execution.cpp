// Decoding passes with ATen operators on a GPU or any other device; the counterpart of CKernels/Decode/Pass.cpp.
//
// Hidden states and a plan's metadata are copied to the device before the first operation and results back to the host after
// the last one; cache and weights stay on the device. Accumulation is in float32 whatever the weights' type.
#include <algorithm>
#include <cmath>
#include <cstring>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/rms_norm.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/zeros.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "../internal.h"
#include "Attention.h"
#include "Execution.h"

using at::Tensor;

namespace ct::passes {

Execution::Execution(ct_decoder_s &decoder, Plan plan)
    : on(decoder), shape(decoder.shape), plan(std::move(plan)),
      numbers(at::empty({int64_t(this->plan.numbers.size())}, on.floats().dtype(at::kLong))),
      floats(at::empty({this->plan.float_count}, on.floats())) {}

void Execution::load(const Plan &now) {
    numbers.copy_(at::from_blob(const_cast<int64_t *>(now.numbers.data()), numbers.sizes(), at::kLong));
    int64_t start = 0;
    for (const auto &[from, count] : now.floats) {
        floats.narrow(0, start, count).copy_(at::from_blob(const_cast<float *>(from), {count}, at::kFloat));
        start += count;
    }
}

void Execution::run() {
    results.assign(plan.steps.size(), {});
    metadata.assign(plan.metadata.size(), {});
    for (size_t i = 0; i < plan.metadata.size(); i++) make_metadata(i);
    for (size_t i = 0; i < plan.steps.size(); i++) {
        const Step &step = plan.steps[i];
        const bool is_block = step.kind == CT_DECODE_BLOCK;
        const int64_t width = is_block ? shape.width : ct::borrow(step.weight).size(1);
        const Tensor &source = step.source < 0 ? floats : results[step.source];
        const auto x = source.view(-1).narrow(0, step.input, step.rows * width).view({step.rows, width});
        const auto y =
            is_block ? block(x, step) : gemm(step.norm == nullptr ? x : normed(x, step.norm, width), step.weight);
        results[i] = y.contiguous();
    }
}

void Execution::release() {
    for (AttentionMetadata &planned : plan.metadata) planned.keys.reset(), planned.values.reset();
    metadata.clear();
    for (size_t step = 0; step < results.size(); step++) {
        const auto is_result = [&](const auto &result) { return result.first == step; };
        if (std::none_of(plan.results.begin(), plan.results.end(), is_result)) results[step].reset();
    }
}

void Execution::copy_results(const Plan &now) const {
    // Through pinned memory, so that the host synchronises only once.
    std::vector<Tensor> staged;
    for (const auto &[step, to] : now.results) {
        const auto options = at::TensorOptions().dtype(at::kFloat).pinned_memory(on.device.is_cuda());
        staged.push_back(at::empty(results[step].sizes(), options));
        staged.back().copy_(results[step], /*non_blocking=*/true);
    }
    if (on.device.is_cuda()) {
        const c10::impl::VirtualGuardImpl streams(on.device.type());
        streams.synchronizeStream(streams.getStream(on.device));
    }
    for (size_t i = 0; i < staged.size(); i++)
        std::memcpy(now.results[i].second, staged[i].const_data_ptr(), staged[i].nbytes());
}

void Execution::make_metadata(size_t index) {
    const AttentionMetadata &planned = plan.metadata[index];
    MetadataTensors &made = metadata[index];
    const auto table = [&](const float *host) {
        const int64_t half = shape.head_dim / 2;
        return on.constant(host, {shape.positions, half}).index_select(0, part(planned.positions)).unsqueeze(1);
    };
    made.cosine = table(shape.cosine), made.sine = table(shape.sine);
    made.slot_mapping = part(planned.slot_mapping).view({planned.layers, planned.rows});
    for (const Group &group : planned.groups) {
        const int64_t shared = shape.attention_heads / shape.kv_heads, slots = group.pages * slots_per_page;
        const auto slot = at::arange(slots, numbers.options());
        const auto last = part(group.slots).view({group.sequences, 1, 1, group.queries, 1});
        // An additive mask, computed once for all layers: attention would convert a boolean mask to one in every layer.
        const auto additive = [&](const Tensor &attends) {
            const auto mask = attends.expand({group.sequences, 1, shared, group.queries, slots})
                                  .reshape({group.sequences, 1, shared * group.queries, slots});
            return at::zeros(mask.sizes(), on.elements()).masked_fill_(mask.logical_not(), -INFINITY);
        };
        const auto past = slot.le(last);
        const auto window = shape.window == 0 ? Tensor() : additive(past.logical_and(slot.gt(last - shape.window)));
        made.groups.push_back({part(group.rows), part(group.tables).view({planned.layers, -1}), additive(past), window});
    }
    if (planned.outputs > 0) made.order = part(planned.order);
}

Tensor Execution::normed(const Tensor &x, const float *scale, int64_t width) const {
    return at::rms_norm(x, {width}, on.constant(scale, {width}), shape.epsilon);
}

// x [rows, in] · weightᵀ, [rows, out] in float32.
Tensor Execution::gemm(const Tensor &x, ct_tensor weight) const {
    const auto w = ct::borrow(weight).t();
    if (on.tile == 0) return matmul(x, w);
    // One shape for every GEMM, so that a row does not depend on how many others there are.
    std::vector<Tensor> tiles;
    for (int64_t first = 0; first < x.size(0); first += on.tile) {
        const int64_t rows = std::min(on.tile, x.size(0) - first);
        const auto part = at::zeros({on.tile, x.size(1)}, x.options());
        part.narrow(0, 0, rows).copy_(x.narrow(0, first, rows));
        tiles.push_back(matmul(part, w).narrow(0, 0, rows));
    }
    return tiles.size() == 1 ? tiles[0] : at::cat(tiles);
}

Tensor Execution::matmul(const Tensor &x, const Tensor &w) const {
    if (on.dtype == at::kFloat) return at::mm(x, w);
    const auto rounded = x.to(on.dtype);
    // On the CPU, ATen has no GEMM from bfloat16 to float32.
    return on.device.is_cuda() ? at::mm(rounded, w, at::kFloat) : at::mm(rounded.to(at::kFloat), w.to(at::kFloat));
}

Tensor Execution::biased(const Tensor &x, const float *bias) const {
    return bias == nullptr ? x : x + on.constant(bias, {x.size(1)});
}

// Normalises (if there is a norm) and applies rope: [rows, heads · d] to [rows, heads, d].
Tensor Execution::rope(const Tensor &x, const float *norm, const Tensor &cosine, const Tensor &sine) const {
    auto heads = x.view({x.size(0), -1, shape.head_dim});
    if (norm != nullptr) heads = normed(heads, norm, shape.head_dim);
    const int64_t half = shape.head_dim / 2;
    const auto first = heads.narrow(2, 0, half), second = heads.narrow(2, half, half);
    return at::cat({first * cosine - second * sine, second * cosine + first * sine}, 2);
}

// A transformer block: x [rows, D] to the last `outputs` rows of its result. The other rows only fill the cache.
Tensor Execution::block(const Tensor &x, const Step &step) {
    const ct_decode_block &b = *step.block;
    const AttentionMetadata &planned = plan.metadata[step.metadata];
    const MetadataTensors &made = metadata[step.metadata];
    const auto rows = normed(x, b.attention_norm, shape.width);
    const auto slots = made.slot_mapping[step.layer];
    const auto key = rope(biased(gemm(rows, b.key), b.key_bias), b.key_norm, made.cosine, made.sine);
    const auto value = biased(gemm(rows, b.value), b.value_bias).view({step.rows, shape.kv_heads, shape.head_dim});
    planned.keys.flatten(0, 1).index_copy_(0, slots, key.to(on.dtype));
    planned.values.flatten(0, 1).index_copy_(0, slots, value.to(on.dtype));
    const int64_t cache_only = step.rows - step.outputs;
    if (step.outputs == 0) return x.narrow(0, cache_only, 0);
    const auto last = [&](const Tensor &t) { return t.narrow(0, cache_only, step.outputs); };
    const auto query = rope(
        biased(gemm(last(rows), b.query), b.query_bias), b.query_norm, last(made.cosine), last(made.sine));
    const auto y = last(x) + biased(gemm(attended(query, planned, made, step), b.output), b.output_bias);
    const auto inner = normed(y, b.feed_forward_norm, shape.width);
    const auto gate = at::silu(biased(gemm(inner, b.gate), b.gate_bias));
    return y + biased(gemm(gate * biased(gemm(inner, b.up), b.up_bias), b.down), b.down_bias);
}

// Attention of queries [outputs, H, d] over their sequences' slots up to their own: [outputs, H · d]. Queries of heads that
// share a key head are folded into the rows of one head.
Tensor Execution::attended(
    const Tensor &query, const AttentionMetadata &planned, const MetadataTensors &made, const Step &step
) const {
    const ct::WithoutCudnnAttention guard;
    const int64_t kv_heads = shape.kv_heads, shared = shape.attention_heads / kv_heads, dim = shape.head_dim;
    std::vector<Tensor> all;
    for (size_t i = 0; i < planned.groups.size(); i++) {
        const Group &group = planned.groups[i];
        const GroupTensors &tensors = made.groups[i];
        const auto gathered = [&](const Tensor &pages) {
            return pages.index_select(0, tensors.table[step.layer])
                .view({group.sequences, group.pages * slots_per_page, kv_heads, dim})
                .transpose(1, 2);
        };
        const auto q = query.to(on.dtype)
                           .index_select(0, tensors.rows)
                           .view({group.sequences, group.queries, kv_heads, shared, dim})
                           .permute({0, 2, 3, 1, 4})
                           .reshape({group.sequences, kv_heads, shared * group.queries, dim});
        const auto result = at::scaled_dot_product_attention(
            q, gathered(planned.keys), gathered(planned.values),
            step.block->has_window ? tensors.window_mask : tensors.mask);
        all.push_back(result.view({group.sequences, kv_heads, shared, group.queries, dim})
                          .permute({0, 3, 1, 2, 4})
                          .reshape({group.sequences * group.queries, shape.attention_heads * dim}));
    }
    return (all.size() == 1 ? all[0] : at::cat(all)).index_select(0, made.order).to(at::kFloat);
}

}  // namespace ct::passes
