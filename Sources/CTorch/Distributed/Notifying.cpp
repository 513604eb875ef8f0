// A backward pass that reports when each leaf's gradient is final, so that its reduction can overlap the rest of the pass.
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include "../internal.h"
#include "ct_distributed.h"

using namespace ct;

namespace {

struct Notify final : torch::autograd::PostAccumulateGradHook {
    ct_leaf_callback callback;
    void *context;
    int32_t index;

    Notify(ct_leaf_callback callback, void *context, int32_t index)
        : callback(callback), context(context), index(index) {}
    void operator()(const at::Tensor &) override { callback(context, index); }
};

// Removes the hooks at the end of the pass.
struct Hooks {
    std::vector<at::Tensor> leaves;
    ~Hooks() {
        for (const auto &leaf : leaves) torch::autograd::impl::set_post_acc_grad_hooks(leaf, nullptr);
    }
};

}  // namespace

int32_t ct_backward_notifying(
    ct_tensor t, ct_tensor gradient, const ct_tensor *leaves, int32_t count, ct_leaf_callback callback, void *context
) {
    return guarded_status([&] {
        const Hooks hooks{borrow_list(leaves, count)};
        for (int32_t i = 0; i < count; i++)
            torch::autograd::impl::set_post_acc_grad_hooks(
                hooks.leaves[i], std::make_unique<Notify>(callback, context, i));
        torch::autograd::variable_list seeds;
        if (gradient != nullptr) seeds.push_back(borrow(gradient));
        torch::autograd::backward({borrow(t)}, seeds);
    });
}
