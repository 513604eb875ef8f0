// GEMM outside autograd. The built-in GEMM is used where it is faster than LibTorch's: for float32 on CPUs with AVX2 or AVX-512
// not made by Intel. On these, MKL runs AVX2 code, at 85 % of AVX2's peak and 40 % of AVX-512's.
#pragma once

#include <ATen/core/Tensor.h>

namespace ct::training {

// a [m, k] · b [k, n]; either may be a transposed view.
at::Tensor gemm(const at::Tensor &a, const at::Tensor &b);
// The same into `out` [m, n], which is neither a nor b.
at::Tensor gemm_into(const at::Tensor &out, const at::Tensor &a, const at::Tensor &b);
// base [m, n] + a · b.
at::Tensor add_gemm(const at::Tensor &base, const at::Tensor &a, const at::Tensor &b);
// sum [m, n] += a · b.
void accumulate_gemm(const at::Tensor &sum, const at::Tensor &a, const at::Tensor &b);

}  // namespace ct::training
