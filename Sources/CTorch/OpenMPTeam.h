#pragma once

namespace ct {

// Makes CKernels run on LibTorch's OpenMP threads: Swift's clang does not support OpenMP, and a second thread pool would compete
// with LibTorch's. Without an OpenMP runtime, kernels run on the calling thread.
void use_openmp_team();

}  // namespace ct
