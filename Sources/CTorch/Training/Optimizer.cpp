// Gradient norm and AdamW: CKernels for contiguous float32 on the CPU, ATen otherwise.
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/stack.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <new>

#include "../internal.h"
#include "ck_training.h"
#include "ct_training.h"

using namespace ct;

namespace {

bool is_float_span(const at::Tensor &t) { return t.is_cpu() && t.scalar_type() == at::kFloat && t.is_contiguous(); }

void check(int32_t status) {
    if (status == CK_OUT_OF_MEMORY) throw std::bad_alloc();
}

}  // namespace

ct_tensor ct_sums_of_squares(const ct_tensor *list, int32_t count) {
    return guarded([&] {
        c10::NoGradGuard guard;
        const auto tensors = borrow_list(list, count);
        if (!std::all_of(tensors.begin(), tensors.end(), is_float_span))
            return at::stack(at::_foreach_norm(tensors, 2)).to(at::kDouble).square_();
        std::vector<ck_span> spans;
        for (const auto &t : tensors) spans.push_back({ct::elements<float>(t), t.numel()});
        const auto sums = at::empty({count}, at::kDouble);
        check(ck_sums_of_squares(spans.data(), count, sums.mutable_data_ptr<double>()));
        return sums;
    });
}

int32_t ct_adamw_(
    const ct_tensor *parameters, const ct_tensor *gradients, const ct_tensor *first, const ct_tensor *second,
    const double *decays, int32_t count, int64_t steps, ct_tensor norm_or_null, double clip, double rate, double beta1,
    double beta2, double epsilon
) {
    return guarded_status([&] {
        c10::NoGradGuard guard;
        auto weights = borrow_list(parameters, count), grads = borrow_list(gradients, count);
        auto means = borrow_list(first, count), squares = borrow_list(second, count);
        const auto norm = norm_or_null == nullptr ? at::Tensor() : borrow(norm_or_null);
        for (int32_t i = 0; i < count; i++) {
            TORCH_CHECK(
                grads[i].sizes() == weights[i].sizes() && means[i].sizes() == weights[i].sizes() &&
                    squares[i].sizes() == weights[i].sizes(),
                "a parameter of shape ", weights[i].sizes(), " has a gradient of shape ", grads[i].sizes());
            grads[i] = grads[i].contiguous();
        }
        const auto fits = [](const std::vector<at::Tensor> &list) { return std::all_of(list.begin(), list.end(), is_float_span); };
        if (fits(weights) && fits(grads) && fits(means) && fits(squares)) {
            double scale = 1;
            if (norm.defined()) {
                const double value = *ct::elements<double>(norm.to(at::kCPU, at::kDouble));
                if (!std::isfinite(value)) return;
                if (clip > 0 && value > clip) scale = clip / value;
            }
            const ck_adamw_constants constants = {
                float(scale), float(beta1), float(beta2), float(epsilon), float(rate / (1 - std::pow(beta1, steps))),
                float(1 / std::sqrt(1 - std::pow(beta2, steps)))};
            std::vector<ck_adamw_span> spans;
            for (int32_t i = 0; i < count; i++)
                spans.push_back(
                    {weights[i].mutable_data_ptr<float>(), ct::elements<float>(grads[i]), means[i].mutable_data_ptr<float>(),
                     squares[i].mutable_data_ptr<float>(), weights[i].numel(), float(1 - rate * decays[i])});
            check(ck_adamw(spans.data(), count, &constants));
            return;
        }
        // `grad_scale` and `found_inf` of ATen's kernel: it divides gradients by the first and skips the step if the second is not
        // 0. Both stay on the device, so that the host does not synchronise.
        std::optional<at::Tensor> grad_scale, found_inf;
        if (norm.defined()) {
            const auto value = norm.to(weights[0].device(), at::kFloat);
            grad_scale = clip > 0 ? value.div(clip).clamp_min(1) : at::ones_like(value);
            found_inf = at::isfinite(value).logical_not().to(at::kFloat);
        }
        // ATen's kernel has a single weight decay for all its parameters, and takes the step count as a tensor on their device.
        std::map<double, std::vector<int32_t>> groups;
        for (int32_t i = 0; i < count; i++) groups[decays[i]].push_back(i);
        for (const auto &[decay, members] : groups) {
            const auto some = [&](const std::vector<at::Tensor> &list) {
                std::vector<at::Tensor> result;
                for (const int32_t i : members) result.push_back(list[i]);
                return result;
            };
            const auto gradients = some(grads);
            const auto counter = at::full({}, double(steps), gradients[0].options().dtype(at::kFloat));
            at::_fused_adamw_(
                some(weights), gradients, some(means), some(squares), {}, std::vector<at::Tensor>(members.size(), counter),
                rate, beta1, beta2, decay, epsilon, /*amsgrad=*/false, /*maximize=*/false, grad_scale, found_inf);
        }
    });
}
