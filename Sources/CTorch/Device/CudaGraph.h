// LibTorch's at::cuda::CUDAGraph, looked up in libtorch_cuda.so at run time, since CTorch links torch_cpu only and builds
// without CUDA's headers.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

namespace ct::passes {

// A captured CUDA graph.
class CudaGraph {
public:
    // Identifies a memory pool that several graphs share.
    using Pool = std::pair<unsigned long long, unsigned long long>;

    // Whether this LibTorch supports CUDA graphs.
    static bool exists();

    CudaGraph();
    ~CudaGraph();
    CudaGraph(const CudaGraph &) = delete;
    CudaGraph &operator=(const CudaGraph &) = delete;

    // Captures the work submitted to the current stream until `end`, without executing it. The stream must not be the default
    // one. Memory is allocated from `pool`; {0, 0} for a new pool.
    void begin(Pool pool);
    void end();
    // The pool in use; valid after `begin`.
    Pool pool();
    void replay();

private:
    std::unique_ptr<std::byte[]> object;
};

}  // namespace ct::passes
