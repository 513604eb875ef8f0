// Which of LibTorch's attention kernels a GPU may choose.
#pragma once

#include <ATen/Context.h>

namespace ct {

// While it lives, cuDNN's attention is not chosen. LibTorch prefers it on Hopper GPUs, where it makes a plan for every shape
// and thread, half a second each: fine for a training step of one shape, not for decoding, whose shapes grow. With masks it
// refuses some shapes at run time.
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
