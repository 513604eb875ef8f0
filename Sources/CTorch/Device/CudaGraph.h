// LibTorch's at::cuda::CUDAGraph, found in libtorch_cuda.so at run time: we link torch_cpu only and need no headers of CUDA's.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

namespace ct::passes {

// Work of one CUDA stream that was captured and is started as a whole.
class CudaGraph {
public:
    // Names memory that several graphs share.
    using Pool = std::pair<unsigned long long, unsigned long long>;

    // Whether this LibTorch has them.
    static bool exists();

    CudaGraph();
    ~CudaGraph();
    CudaGraph(const CudaGraph &) = delete;
    CudaGraph &operator=(const CudaGraph &) = delete;

    // What is done on the current stream, which is not the default one, up to `end`, is captured and not run. What it allocates
    // comes from the pool, {0, 0} for one of its own.
    void begin(Pool pool);
    void end();
    // After `begin`.
    Pool pool();
    void replay();

private:
    std::unique_ptr<std::byte[]> object;
};

}  // namespace ct::passes
