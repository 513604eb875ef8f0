// A planned pass on its device, by ATen's operators.
#pragma once

#include "Plan.h"

namespace ct::passes {

// The device's side of a pass: the same operations on the same tensors each time it runs.
class Execution {
public:
    Execution(ct_decoder_s &decoder, Plan plan);

    // Copies the numbers of a plan with the same key to the device.
    void load(const Plan &plan);
    void run();
    // Releases intermediates; keeps the numbers and the results, whose addresses a graph holds.
    void release();
    // To the host, where the plan says.
    void copy_results(const Plan &plan) const;

private:
    ct_decoder_s &on;
    const ct_decode_shape &shape;
    Plan plan;
    at::Tensor numbers, floats;
    std::vector<at::Tensor> results;  // of each step

    // The attention metadata of the plan on the device.
    struct GroupTensors {
        at::Tensor rows, table, mask;
    };
    struct MetadataTensors {
        at::Tensor cosine, sine, slot_mapping, order;
        std::vector<GroupTensors> groups;
    };
    std::vector<MetadataTensors> metadata;

    at::Tensor part(const Range &range) const { return numbers.narrow(0, range.start, range.count); }
    void make_metadata(size_t index);
    at::Tensor block(const at::Tensor &x, const Step &step);
    at::Tensor attended(
        const at::Tensor &query, const AttentionMetadata &planned, const MetadataTensors &made, int64_t layer) const;
    at::Tensor normed(const at::Tensor &x, const float *scale, int64_t width) const;
    at::Tensor rope(const at::Tensor &x, const float *norm, const at::Tensor &cosine, const at::Tensor &sine) const;
    at::Tensor biased(const at::Tensor &x, const float *bias) const;
    at::Tensor gemm(const at::Tensor &x, ct_tensor weight) const;
    at::Tensor matmul(const at::Tensor &x, const at::Tensor &w) const;
};

}  // namespace ct::passes
