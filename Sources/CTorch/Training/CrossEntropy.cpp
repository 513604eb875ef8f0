// The fused output stage of a prediction head. Memory for one chunk of logits suffices; its gradient overwrites it.
//
// The GEMMs (Gemm.h) use buffers that the caching allocator reuses in the next call. Between them, a built-in kernel makes one
// pass over a chunk; other devices and element types use ATen's operators.
#include "ct_cross_entropy.h"

#include <algorithm>
#include <numeric>

#include <ATen/TensorOperators.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include "../internal.h"
#include "Gemm.h"
#include "Rows.h"
#include "ck_training.h"

using namespace ct;

namespace {

// Whether the built-in kernels support the logits.
bool has_kernels(const at::Tensor &logits) { return logits.is_cpu() && logits.scalar_type() == at::kFloat; }

// Replaces logits [rows, V] by scale · their gradient in place, and returns the loss, a float64 scalar on their device.
// Targets and probabilities are [rows, k]; rows whose first target is `ignored` are allowed only if has_kernels is false.
at::Tensor softmax_cross_entropy(
    const at::Tensor &logits, const at::Tensor &targets, const at::Tensor &probabilities, int64_t ignored, double scale
) {
    if (!has_kernels(logits)) {
        const auto wide = at::promoteTypes(logits.scalar_type(), at::kFloat);
        const auto counts = targets.select(1, 0).ne(ignored).unsqueeze(1);
        const auto labels = targets.where(counts, 0);
        auto p = counts.expand(targets.sizes()).to(wide);
        if (probabilities.defined()) p = probabilities.to(wide).where(counts, 0);
        // Needs a temporary of the logits' size only if their type is narrower than float32.
        auto d = logits;
        if (logits.scalar_type() == wide) d.sub_(at::amax(logits, 1, true));
        else d = at::sub(logits, at::amax(logits, 1, true).to(wide));
        const auto picked = d.gather(1, labels);
        const auto sums = d.exp_().sum(1, true), total = p.sum(1, true);
        const auto loss = ((sums.log() - picked) * p).sum(at::kDouble);
        // Σp · softmax − p, computed as (e − p · Σe / Σp) · Σp / Σe; rows with Σp = 0 give 0.
        d.scatter_add_(1, labels, p * sums / total.clamp_min(1e-30) * -1);
        auto result = logits;
        at::mul_out(result, d, total.mul(scale).div_(sums));
        return loss;
    }
    const int64_t rows = logits.size(0), vocabulary = logits.size(1), count = targets.size(1);
    TORCH_CHECK(
        targets.scalar_type() == at::kLong && (!probabilities.defined() || probabilities.scalar_type() == at::kFloat),
        "float32 logits need int64 targets and float32 probabilities");
    const int64_t *labels = ct::elements<int64_t>(targets);
    for (int64_t i = 0; i < rows * count; i++)
        TORCH_CHECK(
            labels[i] >= 0 && labels[i] < vocabulary, "target ", labels[i], " is outside the vocabulary of ", vocabulary);
    std::vector<double> losses(rows);
    const ck_logits_chunk chunk = {
        logits.mutable_data_ptr<float>(), rows, vocabulary, labels,
        probabilities.defined() ? ct::elements<float>(probabilities) : nullptr, count, static_cast<float>(scale),
        losses.data()};
    ck_softmax_cross_entropy(&chunk);
    return at::scalar_tensor(std::accumulate(losses.begin(), losses.end(), 0.0), at::kDouble);
}

// The parameter's gradient, allocated (and `fresh` set) if there is none; undefined for a frozen parameter.
at::Tensor gradient_of(const at::Tensor &parameter, bool &fresh) {
    if (!parameter.requires_grad()) return {};
    auto &gradient = parameter.mutable_grad();
    fresh = !gradient.defined();
    if (fresh) gradient = at::empty_like(parameter, at::MemoryFormat::Contiguous);
    return gradient;
}

}  // namespace

int64_t ct_fused_cross_entropy_chunk(int64_t rows, int64_t vocabulary, int64_t element_bytes, int64_t logits_bytes) {
    const int64_t most = std::max<int64_t>(1, logits_bytes / std::max<int64_t>(1, vocabulary * element_bytes));
    const int64_t chunks = (std::max<int64_t>(1, rows) + most - 1) / most;
    // Chunks of equal size, rounded up to a multiple of 16 rows if that fits.
    return std::min(most, ((rows + chunks - 1) / chunks + 15) / 16 * 16);
}

int32_t ct_fused_cross_entropy(
    ct_tensor hidden, ct_tensor norm, double epsilon, ct_tensor unembedding, ct_tensor targets,
    ct_tensor probabilities_or_null, ct_tensor rows_or_null, int64_t ignored, double scale, int64_t logits_bytes,
    ct_tensor *loss, ct_tensor *hidden_gradient
) {
    return guarded_status([&] {
        c10::NoGradGuard guard;
        const auto input = borrow(hidden), x = training::rows(input), own_norm = borrow(norm), own_u = borrow(unembedding);
        // With float32 weights and bfloat16 activations, the GEMMs use the type of x and the gradients that of the weights.
        const auto weight = own_norm.to(x.scalar_type()), u = own_u.to(x.scalar_type());
        const auto labels = borrow(targets).contiguous();
        const auto probabilities = probabilities_or_null == nullptr ? at::Tensor() : borrow(probabilities_or_null);
        TORCH_CHECK(
            u.dim() == 2 && u.size(1) == x.size(1) && labels.dim() == 2 && labels.size(0) == x.size(0) &&
                labels.size(1) > 0 && (!probabilities.defined() || probabilities.sizes() == labels.sizes()),
            "shapes do not match: hidden ", input.sizes(), ", unembedding ", u.sizes(), ", targets ", labels.sizes());
        // The built-in kernels do not support ignored rows, so these are removed. On other devices that would need a
        // synchronisation, so all rows are computed unless the caller gives the ones that contribute.
        auto counting = rows_or_null != nullptr ? borrow(rows_or_null) : at::Tensor();
        if (!counting.defined() && has_kernels(x)) counting = at::nonzero(labels.select(1, 0) != ignored).reshape({-1});
        const bool all = !counting.defined() || counting.numel() == x.size(0);
        const int64_t rows = all ? x.size(0) : counting.numel();
        // Logits of a narrower type need a float32 copy, too.
        const int64_t element_bytes = static_cast<int64_t>(x.element_size()) + (x.element_size() < 4 ? 4 : 0);
        const int64_t chunk = ct_fused_cross_entropy_chunk(rows, u.size(0), element_bytes, logits_bytes);

        auto gradient = all ? at::empty_like(x) : at::zeros_like(x);
        bool fresh = false;
        auto weight_gradient = gradient_of(own_norm, fresh);
        if (fresh) weight_gradient.zero_();
        fresh = false;
        auto u_gradient = gradient_of(own_u, fresh);
        if (fresh && rows == 0) u_gradient.zero_();

        auto sum = at::zeros({}, x.options().dtype(at::kDouble));
        const auto buffer = at::empty({chunk, u.size(0)}, x.options());
        for (int64_t start = 0; start < rows; start += chunk) {
            const int64_t length = std::min(chunk, rows - start);
            const auto index = all ? at::Tensor() : counting.narrow(0, start, length);
            const auto part = [&](const at::Tensor &t) {
                return all ? t.narrow(0, start, length) : t.index_select(0, index);
            };
            const auto h = part(x);
            auto logits = buffer.narrow(0, 0, length);
            const auto normed = training::norm(h, weight, epsilon);
            training::gemm_into(logits, normed.y, u.t());
            sum.add_(softmax_cross_entropy(
                logits, part(labels), probabilities.defined() ? part(probabilities).contiguous() : at::Tensor(), ignored,
                scale));

            // The first GEMM overwrites a newly allocated gradient.
            if (u_gradient.defined() && u_gradient.scalar_type() == logits.scalar_type())
                fresh ? (void)training::gemm_into(u_gradient, logits.t(), normed.y)
                      : training::accumulate_gemm(u_gradient, logits.t(), normed.y);
            else if (u_gradient.defined() && fresh) u_gradient.copy_(training::gemm(logits.t(), normed.y));
            else if (u_gradient.defined()) u_gradient.add_(training::gemm(logits.t(), normed.y));
            fresh = false;
            const auto back = training::norm_backward(
                h, normed.inverse, weight, training::gemm(logits, u), {}, /*consume=*/true);
            if (weight_gradient.defined()) weight_gradient.add_(back.weight);
            all ? gradient.narrow(0, start, length).copy_(back.x) : gradient.index_copy_(0, index, back.x);
        }
        *loss = wrap(sum);
        *hidden_gradient = wrap(gradient.view(input.sizes()));
    });
}

ct_tensor ct_soft_cross_entropy_sum(ct_tensor logits, ct_tensor targets, ct_tensor probabilities, int64_t ignored) {
    return guarded([&] {
        const auto labels = borrow(targets);
        const auto counts = (labels.select(1, 0) != ignored).unsqueeze(1);
        const auto picked = at::log_softmax(borrow(logits), 1).gather(1, at::where(counts, labels, 0));
        return -at::where(counts, picked * borrow(probabilities).to(picked.scalar_type()), 0).sum();
    });
}
