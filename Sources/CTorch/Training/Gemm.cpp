#include "Gemm.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>

#include <atomic>
#include <new>

#include "../internal.h"
#include "ck_isa.h"
#include "ck_training.h"
#include "ct_training.h"

using at::Tensor;

namespace ct::training {
namespace {

// The value of ct_set_builtin_gemm; -1: chosen by the processor.
std::atomic<int32_t> forced{-1};

bool is_enabled() {
#if defined(__x86_64__)
    static const bool intel = __builtin_cpu_is("intel");
    const int32_t choice = forced.load(std::memory_order_relaxed);
    return ck_isa() >= CK_AVX2 && (choice < 0 ? !intel : choice > 0);
#else
    return false;
#endif
}

// A float32 matrix on the CPU whose rows or columns are contiguous.
bool has_layout(const Tensor &t) {
    return t.is_cpu() && t.scalar_type() == at::kFloat && !t.is_conj() && !t.is_neg() && t.dim() == 2 && t.numel() > 0 &&
           (t.stride(1) == 1 || t.stride(0) == 1) && t.stride(0) > 0 && t.stride(1) > 0;
}

bool is_builtin(const Tensor &out, const Tensor &a, const Tensor &b) {
    return is_enabled() && has_layout(a) && has_layout(b) && has_layout(out) && out.stride(1) == 1 &&
           a.size(1) == b.size(0) && out.size(0) == a.size(0) && out.size(1) == b.size(1);
}

// out = base + a · b, or a · b if base is undefined; base may be out.
void run(const Tensor &out, const Tensor &base, const Tensor &a, const Tensor &b) {
    const ck_gemm_operands operands = {
        a.size(0), b.size(1), a.size(1), ct::elements<float>(a), a.stride(0), a.stride(1), ct::elements<float>(b),
        b.stride(0), b.stride(1), base.defined() ? ct::elements<float>(base) : nullptr,
        base.defined() ? base.stride(0) : 0, out.mutable_data_ptr<float>(), out.stride(0)};
    if (ck_training_gemm(&operands) != CK_OK) throw std::bad_alloc();
}

}  // namespace

Tensor gemm(const Tensor &a, const Tensor &b) {
    if (!is_enabled() || !has_layout(a) || !has_layout(b) || a.size(1) != b.size(0)) return at::mm(a, b);
    const auto out = at::empty({a.size(0), b.size(1)}, a.options());
    run(out, {}, a, b);
    return out;
}

Tensor gemm_into(const Tensor &out, const Tensor &a, const Tensor &b) {
    auto result = out;
    if (is_builtin(out, a, b)) run(out, {}, a, b);
    else at::mm_out(result, a, b);
    return result;
}

Tensor add_gemm(const Tensor &base, const Tensor &a, const Tensor &b) {
    if (!is_builtin(base, a, b)) return at::addmm(base, a, b);
    const auto out = at::empty(base.sizes(), base.options());
    run(out, base, a, b);
    return out;
}

void accumulate_gemm(const Tensor &sum, const Tensor &a, const Tensor &b) {
    auto result = sum;
    if (is_builtin(sum, a, b)) run(sum, sum, a, b);
    else result.addmm_(a, b);
}

}  // namespace ct::training

void ct_set_builtin_gemm(int32_t builtin) { ct::training::forced = builtin; }
