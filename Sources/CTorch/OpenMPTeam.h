#pragma once

namespace ct {

// Gives the kernels LibTorch's own OpenMP threads: Swift's clang has no OpenMP, and a second pool would compete with the first.
// Without an OpenMP runtime kernels run on their caller's thread.
void use_openmp_team();

}  // namespace ct
