// A planned pass on its device, by ATen's operators.
#pragma once

#include "Plan.h"

namespace ct::passes {

// The device's side of a pass: the same operations on the same tensors each time it runs.
class Execution {
public:
    Execution(const ct_k_shape &shape, Plan plan);

    // Brings the numbers of a plan with the same key.
    void load(const Plan &plan);
    void run();
    // Lets go of all tensors but the numbers and what is brought; a graph knows them by their addresses.
    void release();
    // To where the plan says.
    void bring(const Plan &plan) const;

private:
    const ct_k_shape shape;
    ct_k_device_s &on;
    Plan plan;
    at::Tensor numbers, floats;
    std::vector<at::Tensor> results;  // of each step

    struct Seen {
        at::Tensor rows, table, mask;
    };
    struct Stand {
        at::Tensor cosine, sine, slots, order;
        std::vector<Seen> groups;
    };
    std::vector<Stand> stands;

    at::Tensor part(const Range &range) const { return numbers.narrow(0, range.start, range.count); }
    void stand(size_t index);
    at::Tensor block(const at::Tensor &x, const Step &step);
    at::Tensor attended(const at::Tensor &query, const Standing &standing, const Stand &stand, int64_t layer) const;
    at::Tensor normed(const at::Tensor &x, const float *scale, int64_t width) const;
    at::Tensor turned(const at::Tensor &x, const float *norm, const at::Tensor &cosine, const at::Tensor &sine) const;
    at::Tensor biased(const at::Tensor &x, const float *bias) const;
    at::Tensor product(const at::Tensor &x, const ct_k_weight &weight) const;
    at::Tensor multiplied(const at::Tensor &x, const at::Tensor &w) const;
};

}  // namespace ct::passes
