// LibTorch's at::cuda::CUDAGraph, found in libtorch_cuda.so at run time: we link torch_cpu only and need no headers of CUDA's.
#pragma once

#include <cstddef>
#include <memory>

namespace ct::passes {

// Work of one CUDA stream that was captured and is started as a whole.
class CudaGraph {
public:
    // Whether this LibTorch has them.
    static bool exists();

    CudaGraph();
    ~CudaGraph();
    CudaGraph(const CudaGraph &) = delete;
    CudaGraph &operator=(const CudaGraph &) = delete;

    // What this thread does on the current stream, which is not the default one, up to `end`, is captured and not run.
    void begin();
    void end();
    void replay();

private:
    std::unique_ptr<std::byte[]> object;
};

}  // namespace ct::passes
