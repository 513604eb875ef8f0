// c10d's process group over NCCL: compiled in where the headers of LibTorch's CUDA build, of CUDA and of NCCL are there,
// found in libtorch_cuda.so at run time, since we link torch_cpu only.
#if __has_include(<nccl.h>) && __has_include(<cuda_runtime.h>) && __has_include(<crt/host_config.h>) && \
    __has_include(<cublas_v2.h>) && __has_include(<cusparse.h>) && __has_include(<cusolverDn.h>) && \
    __has_include(<c10/cuda/impl/cuda_cmake_macros.h>) && \
    __has_include(<torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>)
#define USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include <dlfcn.h>

#include <new>

#include "Handles.h"

using namespace ct;
using namespace ct::distributed;

#ifdef USE_C10D_NCCL
namespace {

using Group = c10d::ProcessGroupNCCL;
using StorePointer = c10::intrusive_ptr<c10d::Store>;
using OptionsPointer = c10::intrusive_ptr<Group::Options>;

// The two constructors by their names in libtorch_cuda.so; all else is virtual. Arguments that are not trivial go by
// reference (Itanium C++ ABI, section 3.1.2.3).
constexpr const char *kOptions = "_ZN4c10d16ProcessGroupNCCL7OptionsC1Eb";
constexpr const char *kGroup =
    "_ZN4c10d16ProcessGroupNCCLC1EN3c1013intrusive_ptrINS_5StoreENS1_6detail34intrusive_target_default_null_typeIS3_EEEEii"
    "NS2_INS0_7OptionsENS5_IS8_EEEE";

template <typename Function>
Function find(const char *name) {
    void *address = dlsym(RTLD_DEFAULT, name);
    if (address == nullptr) throw std::runtime_error("this LibTorch has no NCCL: it is a build for the CPU, or too different");
    return reinterpret_cast<Function>(address);
}

// An object of c10d's made by a constructor found at run time.
template <typename Object, typename... Arguments>
c10::intrusive_ptr<Object> construct(void (*constructor)(void *, Arguments...), Arguments... arguments) {
    static_assert(alignof(Object) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
    void *memory = ::operator new(sizeof(Object));
    try {
        constructor(memory, arguments...);
    } catch (...) {
        ::operator delete(memory);
        throw;
    }
    return c10::intrusive_ptr<Object>::unsafe_steal_from_new(static_cast<Object *>(memory));
}

}  // namespace
#endif

ct_group ct_group_nccl(
    ct_store store, const char *prefix, int32_t rank, int32_t size, int32_t device, int64_t timeout_ms
) {
    return attempt<ct_group>(nullptr, [&]() -> ct_group {
#ifdef USE_C10D_NCCL
        const auto options = construct<Group::Options>(find<void (*)(void *, bool)>(kOptions), false);
        options->timeout = std::chrono::milliseconds(timeout_ms);
        StorePointer shared = c10::make_intrusive<c10d::PrefixStore>(prefix, store->store);
        OptionsPointer settings = options;
        auto group = construct<Group>(
            find<void (*)(void *, StorePointer *, int, int, OptionsPointer *)>(kGroup), &shared, int(rank), int(size),
            &settings);
        group->setBoundDeviceId(at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(device)));
        return new ct_group_s{c10::intrusive_ptr<c10d::Backend>(std::move(group))};
#else
        (void)store, (void)prefix, (void)rank, (void)size, (void)device, (void)timeout_ms;
        throw std::runtime_error("this build has no NCCL: build against a LibTorch with CUDA, beside CUDA's and NCCL's headers");
#endif
    });
}
