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

int32_t ct_global_norm(const ct_tensor *list, int32_t count, double *out) {
    return guarded_status([&] {
        c10::NoGradGuard guard;
        const auto tensors = borrow_list(list, count);
        double sum = 0;
        if (std::all_of(tensors.begin(), tensors.end(), ours)) {
            const auto work = pieces(tensors);
            std::vector<double> sums(work.size());
            in_parallel(int64_t(work.size()), double(work.size()) * 16384, [&](int64_t first, int64_t last) {
                for (int64_t i = first; i < last; i++)
                    sums[i] = training::isa().squares(
                        tensors[work[i].index].const_data_ptr<float>() + work[i].start, work[i].count);
            });
            for (const double s : sums) sum += s;
        } else {
            for (const auto &norm : at::_foreach_norm(tensors, 2)) {
                const double value = norm.item().toDouble();
                sum += value * value;
            }
        }
        *out = std::sqrt(sum);
    });
}

int32_t ct_adamw_(
    const ct_tensor *parameters, const ct_tensor *gradients, const ct_tensor *first, const ct_tensor *second,
    const double *decays, int32_t count, int64_t steps, double scale, double rate, double beta1, double beta2,
    double epsilon
) {
    return guarded_status([&] {
        c10::NoGradGuard guard;
        auto weights = borrow_list(parameters, count), slopes = borrow_list(gradients, count);
        auto means = borrow_list(first, count), squares = borrow_list(second, count);
        for (int32_t i = 0; i < count; i++) {
            TORCH_CHECK(
                slopes[i].sizes() == weights[i].sizes() && means[i].sizes() == weights[i].sizes() &&
                    squares[i].sizes() == weights[i].sizes(),
                "a parameter of shape ", weights[i].sizes(), " has a gradient of shape ", slopes[i].sizes());
            slopes[i] = slopes[i].contiguous();
        }
        const auto fits = [](const std::vector<at::Tensor> &list) { return std::all_of(list.begin(), list.end(), ours); };
        if (fits(weights) && fits(slopes) && fits(means) && fits(squares)) {
            const training::AdamW constants = {
                float(scale), float(beta1), float(beta2), float(epsilon), float(rate / (1 - std::pow(beta1, steps))),
                float(1 / std::sqrt(1 - std::pow(beta2, steps)))};
            const auto work = pieces(weights);
            in_parallel(int64_t(work.size()), double(work.size()) * 16384, [&](int64_t from, int64_t to) {
                for (int64_t i = from; i < to; i++) {
                    const auto [index, start, length] = work[i];
                    training::isa().adamw(
                        weights[index].mutable_data_ptr<float>() + start, slopes[index].const_data_ptr<float>() + start,
                        means[index].mutable_data_ptr<float>() + start, squares[index].mutable_data_ptr<float>() + start,
                        length, float(1 - rate * decays[index]), constants);
                }
            });
            return;
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
            auto scaled = some(slopes);
            if (scale != 1) at::_foreach_mul_(scaled, scale);
            const auto counter = at::full({}, double(steps), scaled[0].options().dtype(at::kFloat));
            at::_fused_adamw_(
                some(weights), scaled, some(means), some(squares), {}, std::vector<at::Tensor>(members.size(), counter),
                rate, beta1, beta2, decay, epsilon, /*amsgrad=*/false, /*maximize=*/false);
        }
    });
}
