#include "CudaGraph.h"

#include <dlfcn.h>

namespace ct::passes {
namespace {

// Storage for the object, whose exact size needs CUDA's headers; it has a few hundred bytes in LibTorch 2.11 to 2.13.
constexpr size_t kObjectSize = 1 << 14;

// The member functions by mangled name (Itanium C++ ABI), the same in LibTorch 2.11 and 2.13; the object is the first argument.
struct Members {
    void (*construct)(void *, bool keep_graph);
    void (*destroy)(void *);
    void (*begin)(void *, CudaGraph::Pool pool, int mode);
    void (*end)(void *);
    void (*replay)(void *);
    CudaGraph::Pool (*pool)(void *);

    Members() {
        find(construct, "_ZN2at4cuda9CUDAGraphC1Eb");
        find(destroy, "_ZN2at4cuda9CUDAGraphD1Ev");
        find(begin, "_ZN2at4cuda9CUDAGraph13capture_beginESt4pairIyyE21cudaStreamCaptureMode");
        find(end, "_ZN2at4cuda9CUDAGraph11capture_endEv");
        find(replay, "_ZN2at4cuda9CUDAGraph6replayEv");
        find(pool, "_ZN2at4cuda9CUDAGraph4poolEv");
    }

    bool all() const { return construct && destroy && begin && end && replay && pool; }

private:
    template <typename Function>
    static void find(Function &function, const char *name) {
        function = reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
    }
};

const Members &members() {
    static const Members found;
    return found;
}

constexpr int kThreadLocal = 1;  // cudaStreamCaptureModeThreadLocal

}  // namespace

bool CudaGraph::exists() { return members().all(); }

CudaGraph::CudaGraph() : object(new std::byte[kObjectSize]()) { members().construct(object.get(), false); }

CudaGraph::~CudaGraph() { members().destroy(object.get()); }

void CudaGraph::begin(Pool pool) { members().begin(object.get(), pool, kThreadLocal); }
void CudaGraph::end() { members().end(object.get()); }
CudaGraph::Pool CudaGraph::pool() { return members().pool(object.get()); }
void CudaGraph::replay() { members().replay(object.get()); }

}  // namespace ct::passes
