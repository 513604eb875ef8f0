// The gradient's norm and AdamW: one sweep over memory and one parallel region each, for all parameters together.
#include <c10/core/GradMode.h>

#include <cmath>
#include <map>

#include "../Kernels/Parallel.h"
#include "../internal.h"
#include "Isa.h"
#include "ct_training.h"

using namespace ct;
using ct::kernels::in_parallel;

namespace {

bool ours(const at::Tensor &t) { return t.is_cpu() && t.scalar_type() == at::kFloat && t.is_contiguous(); }

// Elements from `start` of tensor `index`: the work is cut the same way whatever the threads.
struct Piece {
    size_t index;
    int64_t start, count;
};

std::vector<Piece> pieces(const std::vector<at::Tensor> &tensors) {
    constexpr int64_t size = 16384;
    std::vector<Piece> result;
    for (size_t i = 0; i < tensors.size(); i++)
        for (int64_t start = 0; start < tensors[i].numel(); start += size)
            result.push_back({i, start, std::min(size, tensors[i].numel() - start)});
    return result;
}

}  // namespace

ct_tensor ct_sums_of_squares(const ct_tensor *list, int32_t count) {
    return guarded([&] {
        c10::NoGradGuard guard;
        const auto tensors = borrow_list(list, count);
        if (!std::all_of(tensors.begin(), tensors.end(), ours))
            return at::stack(at::_foreach_norm(tensors, 2)).to(at::kDouble).square_();
        const auto work = pieces(tensors);
        std::vector<double> parts(work.size());
        in_parallel(int64_t(work.size()), double(work.size()) * 16384, [&](int64_t first, int64_t last) {
            for (int64_t i = first; i < last; i++)
                parts[i] = training::isa().squares(
                    ct::elements<float>(tensors[work[i].index]) + work[i].start, work[i].count);
        });
        const auto sums = at::zeros({count}, at::kDouble);
        auto *const sum = sums.mutable_data_ptr<double>();
        for (size_t i = 0; i < work.size(); i++) sum[work[i].index] += parts[i];
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
        auto weights = borrow_list(parameters, count), slopes = borrow_list(gradients, count);
        auto means = borrow_list(first, count), squares = borrow_list(second, count);
        const auto norm = norm_or_null == nullptr ? at::Tensor() : borrow(norm_or_null);
        for (int32_t i = 0; i < count; i++) {
            TORCH_CHECK(
                slopes[i].sizes() == weights[i].sizes() && means[i].sizes() == weights[i].sizes() &&
                    squares[i].sizes() == weights[i].sizes(),
                "a parameter of shape ", weights[i].sizes(), " has a gradient of shape ", slopes[i].sizes());
            slopes[i] = slopes[i].contiguous();
        }
        const auto fits = [](const std::vector<at::Tensor> &list) { return std::all_of(list.begin(), list.end(), ours); };
        if (fits(weights) && fits(slopes) && fits(means) && fits(squares)) {
            double scale = 1;
            if (norm.defined()) {
                const double value = *ct::elements<double>(norm.to(at::kCPU, at::kDouble));
                if (!std::isfinite(value)) return;
                if (clip > 0 && value > clip) scale = clip / value;
            }
            const training::AdamW constants = {
                float(scale), float(beta1), float(beta2), float(epsilon), float(rate / (1 - std::pow(beta1, steps))),
                float(1 / std::sqrt(1 - std::pow(beta2, steps)))};
            const auto work = pieces(weights);
            in_parallel(int64_t(work.size()), double(work.size()) * 16384, [&](int64_t from, int64_t to) {
                for (int64_t i = from; i < to; i++) {
                    const auto [index, start, length] = work[i];
                    training::isa().adamw(
                        weights[index].mutable_data_ptr<float>() + start, ct::elements<float>(slopes[index]) + start,
                        means[index].mutable_data_ptr<float>() + start, squares[index].mutable_data_ptr<float>() + start,
                        length, float(1 - rate * decays[index]), constants);
                }
            });
            return;
        }
        // ATen's kernel divides gradients by the first and does nothing if the second is not 0. Both stay on the device, so that
        // the host does not wait.
        std::optional<at::Tensor> divisor, is_wrong;
        if (norm.defined()) {
            const auto value = norm.to(weights[0].device(), at::kFloat);
            divisor = clip > 0 ? value.div(clip).clamp_min(1) : at::ones_like(value);
            is_wrong = at::isfinite(value).logical_not().to(at::kFloat);
        }
        // ATen's kernel has one decay for all its parameters and takes the count of steps as a tensor beside them.
        std::map<double, std::vector<int32_t>> groups;
        for (int32_t i = 0; i < count; i++) groups[decays[i]].push_back(i);
        for (const auto &[decay, members] : groups) {
            const auto some = [&](const std::vector<at::Tensor> &list) {
                std::vector<at::Tensor> result;
                for (const int32_t i : members) result.push_back(list[i]);
                return result;
            };
            const auto gradients = some(slopes);
            const auto counter = at::full({}, double(steps), gradients[0].options().dtype(at::kFloat));
            at::_fused_adamw_(
                some(weights), gradients, some(means), some(squares), {}, std::vector<at::Tensor>(members.size(), counter),
                rate, beta1, beta2, decay, epsilon, /*amsgrad=*/false, /*maximize=*/false, divisor, is_wrong);
        }
    });
}
