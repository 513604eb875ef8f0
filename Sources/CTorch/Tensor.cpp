// Tensors, their data, random numbers and autograd.
#include <cmath>
#include <cstring>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include "internal.h"

using namespace ct;

ct_tensor ct_retain(ct_tensor t) { return wrap(borrow(t)); }

void ct_release(ct_tensor t) {
    if (t == nullptr) return;
    at::Tensor(c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::reclaim(
        reinterpret_cast<c10::TensorImpl *>(t)));
}

ct_tensor ct_empty(const int64_t *sizes, int32_t rank, int32_t dtype, ct_device d) {
    return guarded([&] { return at::empty(shape(sizes, rank), at::device(device(d)).dtype(scalar_type(dtype))); });
}

ct_tensor ct_full(const int64_t *sizes, int32_t rank, double value, int32_t dtype, ct_device d) {
    return guarded(
        [&] { return at::full(shape(sizes, rank), value, at::device(device(d)).dtype(scalar_type(dtype))); });
}

ct_tensor ct_arange(double start, double end, double step, int32_t dtype, ct_device d) {
    return guarded([&] { return at::arange(start, end, step, at::device(device(d)).dtype(scalar_type(dtype))); });
}

namespace {
// A CPU tensor with a copy of the bytes, in pinned memory if `target` is a GPU; the caching allocator keeps pinned memory alive
// until asynchronous copies from it are complete.
at::Tensor staged(const void *bytes, size_t count, at::IntArrayRef sizes, at::ScalarType dtype, at::Device target) {
    auto tensor = at::empty(sizes, at::TensorOptions().dtype(dtype).pinned_memory(target.is_cuda()));
    TORCH_CHECK(tensor.nbytes() == count, "a tensor of ", tensor.nbytes(), " bytes was given ", count, " bytes");
    if (count > 0) std::memcpy(tensor.data_ptr(), bytes, count);
    return tensor;
}
}  // namespace

ct_tensor ct_upload(
    const void *bytes, size_t count, const int64_t *sizes, int32_t rank, int32_t dtype, ct_device d
) {
    return guarded([&] {
        const auto target = device(d);
        return staged(bytes, count, shape(sizes, rank), scalar_type(dtype), target).to(target, /*non_blocking=*/true);
    });
}

int32_t ct_upload_into(ct_tensor t, const void *bytes, size_t count) {
    return guarded_status([&] {
        c10::NoGradGuard guard;
        auto target = borrow(t);
        target.copy_(staged(bytes, count, target.sizes(), target.scalar_type(), target.device()), /*non_blocking=*/true);
    });
}

ct_tensor ct_from_bytes(const void *bytes, size_t count, const int64_t *sizes, int32_t rank, int32_t dtype) {
    return guarded([&] {
        return staged(bytes, count, shape(sizes, rank), scalar_type(dtype), at::kCPU);
    });
}

int32_t ct_copy_to_bytes(ct_tensor t, void *bytes, size_t count) {
    return guarded_status([&] {
        auto tensor = borrow(t).detach().to(at::kCPU).contiguous();
        TORCH_CHECK(tensor.nbytes() == count, "a tensor of ", tensor.nbytes(), " bytes was read into ", count, " bytes");
        if (count > 0) std::memcpy(bytes, tensor.data_ptr(), count);
    });
}

int32_t ct_rank(ct_tensor t) { return static_cast<int32_t>(borrow(t).dim()); }
int64_t ct_size(ct_tensor t, int32_t axis) { return borrow(t).sizes()[axis]; }
int64_t ct_stride(ct_tensor t, int32_t axis) { return borrow(t).strides()[axis]; }
int32_t ct_dtype(ct_tensor t) { return static_cast<int32_t>(borrow(t).scalar_type()); }

ct_device ct_tensor_device(ct_tensor t) {
    const auto d = borrow(t).device();
    return {d.is_cuda() ? CT_CUDA : d.is_meta() ? CT_META : CT_CPU, d.has_index() ? d.index() : 0};
}

bool ct_is_contiguous(ct_tensor t) { return borrow(t).is_contiguous(); }
void *ct_data(ct_tensor t) { return borrow(t).data_ptr(); }

int32_t ct_item(ct_tensor t, double *out) {
    return guarded_status([&] { *out = borrow(t).item().toDouble(); });
}

int32_t ct_item_int(ct_tensor t, int64_t *out) {
    return guarded_status([&] { *out = borrow(t).item().toLong(); });
}

// MARK: random numbers

namespace {
at::Generator &generator(ct_generator g) { return *reinterpret_cast<at::Generator *>(g); }
}  // namespace

ct_generator ct_generator_new(uint64_t seed) {
    return reinterpret_cast<ct_generator>(new at::Generator(at::make_generator<at::CPUGeneratorImpl>(seed)));
}

void ct_generator_release(ct_generator g) { delete reinterpret_cast<at::Generator *>(g); }

ct_tensor ct_normal(const int64_t *sizes, int32_t rank, double mean, double std, int32_t dtype, ct_generator g) {
    return guarded([&] {
        auto tensor = at::empty(shape(sizes, rank), at::dtype(scalar_type(dtype)));
        return tensor.normal_(mean, std, generator(g));
    });
}

ct_tensor ct_truncated_normal(
    const int64_t *sizes, int32_t rank, double std, double bound, int32_t dtype, ct_generator g
) {
    // Inverse transform sampling as in torch.nn.init.trunc_normal_.
    return guarded([&] {
        const double edge = std::erf(bound / std::sqrt(2.0));
        auto tensor = at::empty(shape(sizes, rank), at::dtype(at::kDouble)).uniform_(-edge, edge, generator(g));
        tensor.erfinv_().mul_(std * std::sqrt(2.0)).clamp_(-bound * std, bound * std);
        return tensor.to(scalar_type(dtype));
    });
}

// MARK: autograd

bool ct_grad_mode(void) { return c10::GradMode::is_enabled(); }
void ct_set_grad_mode(bool enabled) { c10::GradMode::set_enabled(enabled); }

int32_t ct_set_requires_grad(ct_tensor t, bool value) {
    return guarded_status([&] { borrow(t).requires_grad_(value); });
}

bool ct_requires_grad(ct_tensor t) { return borrow(t).requires_grad(); }
ct_tensor ct_detach(ct_tensor t) {
    return guarded([&] { return borrow(t).detach(); });
}

ct_tensor ct_grad(ct_tensor t) {
    auto gradient = borrow(t).grad();
    return gradient.defined() ? wrap(gradient) : nullptr;
}

int32_t ct_set_grad(ct_tensor t, ct_tensor gradient) {
    return guarded_status([&] { borrow(t).mutable_grad() = gradient == nullptr ? at::Tensor() : borrow(gradient); });
}

int32_t ct_backward(ct_tensor t, ct_tensor gradient) {
    return guarded_status([&] {
        torch::autograd::variable_list seeds;
        if (gradient != nullptr) seeds.push_back(borrow(gradient));
        torch::autograd::backward({borrow(t)}, seeds);
    });
}
