// Restricts the attention kernels that LibTorch may choose on a GPU.
#pragma once

#include <ATen/Context.h>

namespace ct {

// Disables cuDNN attention during its lifetime. LibTorch prefers cuDNN on Hopper GPUs, where it builds a plan per shape and
// thread, half a second each: acceptable for training with a single shape, not for decoding with growing shapes. With masks,
// it also fails for some shapes at run time.
class WithoutCudnnAttention {
public:
    WithoutCudnnAttention() : before(at::globalContext().userEnabledCuDNNSDP()) {
        at::globalContext().setSDPUseCuDNN(false);
    }
    ~WithoutCudnnAttention() { at::globalContext().setSDPUseCuDNN(before); }
    WithoutCudnnAttention(const WithoutCudnnAttention &) = delete;
    WithoutCudnnAttention &operator=(const WithoutCudnnAttention &) = delete;

private:
    const bool before;
};

}  // namespace ct
