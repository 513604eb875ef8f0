// Executes a planned pass on its device with ATen's operators.
#pragma once

#include "Plan.h"

namespace ct::passes {

// The device side of a pass; each run executes the same operations on the same tensors, as a graph requires.
class Execution {
public:
    Execution(ct_decoder_s &decoder, Plan plan);

    // Copies the inputs of a plan with the same key to the device.
    void load(const Plan &plan);
    void run();
    // Releases intermediates; keeps inputs and results, to whose addresses a graph refers.
    void release();
    // Copies results to the host addresses of the plan.
    void copy_results(const Plan &plan) const;

private:
    ct_decoder_s &on;
    const ct_decode_shape &shape;
    Plan plan;
    at::Tensor numbers, floats;
    std::vector<at::Tensor> results;  // one per step

    // The plan's attention metadata as tensors on the device.
    struct GroupTensors {
        at::Tensor rows, table, mask;
        at::Tensor window_mask;  // in blocks with a window
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
        const at::Tensor &query, const AttentionMetadata &planned, const MetadataTensors &made,
        const Step &step) const;
    at::Tensor normed(const at::Tensor &x, const float *scale, int64_t width) const;
    at::Tensor rope(const at::Tensor &x, const float *norm, const at::Tensor &cosine, const at::Tensor &sine) const;
    at::Tensor biased(const at::Tensor &x, const float *bias) const;
    at::Tensor gemm(const at::Tensor &x, ct_tensor weight) const;
    at::Tensor matmul(const at::Tensor &x, const at::Tensor &w) const;
};

}  // namespace ct::passes
