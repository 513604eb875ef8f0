// c10d's process group over NCCL, looked up in libtorch_cuda.so at run time, since CTorch links torch_cpu only. Its own header
// needs CUDA's headers; here it is used through its base classes.
#include <dlfcn.h>

#include <new>

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>

#include "Group.h"

using namespace ct;
using namespace ct::distributed;

namespace {

using StorePointer = c10::intrusive_ptr<c10d::Store>;
using OptionsPointer = c10::intrusive_ptr<c10d::Backend::Options>;

// The constructors of ProcessGroupNCCL and its Options by mangled name (LibTorch 2.11 to 2.13); everything else is virtual or in
// the base class. Arguments of non-trivial type are passed by reference (Itanium C++ ABI, section 3.1.2.3), and the base class
// is at offset 0 of both objects.
constexpr const char *kOptions = "_ZN4c10d16ProcessGroupNCCL7OptionsC1Eb";
constexpr const char *kGroup =
    "_ZN4c10d16ProcessGroupNCCLC1EN3c1013intrusive_ptrINS_5StoreENS1_6detail34intrusive_target_default_null_typeIS3_EEEEii"
    "NS2_INS0_7OptionsENS5_IS8_EEEE";
// Storage for either object: in LibTorch 2.11 the group has 1,112 bytes and the options 248.
constexpr size_t kObjectSize = 1 << 14;

template <typename Function>
Function find(const char *name) {
    void *address = dlsym(RTLD_DEFAULT, name);
    if (address == nullptr)
        throw std::runtime_error("this LibTorch has no NCCL: it is a CPU build, or a version other than 2.11 to 2.13");
    return reinterpret_cast<Function>(address);
}

// Constructs an object of a class derived from `Base` with a constructor found at run time.
template <typename Base, typename... Arguments>
c10::intrusive_ptr<Base> construct(void (*constructor)(void *, Arguments...), Arguments... arguments) {
    void *memory = ::operator new(kObjectSize);
    try {
        constructor(memory, arguments...);
    } catch (...) {
        ::operator delete(memory);
        throw;
    }
    return c10::intrusive_ptr<Base>::unsafe_steal_from_new(static_cast<Base *>(memory));
}

}  // namespace

ct_group ct_group_nccl(
    ct_store store, const char *prefix, int32_t rank, int32_t size, int32_t device, int64_t timeout_ms
) {
    return attempt<ct_group>(nullptr, [&] {
        auto options = construct<c10d::Backend::Options>(find<void (*)(void *, bool)>(kOptions), false);
        options->timeout = std::chrono::milliseconds(timeout_ms);
        StorePointer shared = c10::make_intrusive<c10d::PrefixStore>(prefix, store->store);
        auto group = construct<c10d::Backend>(
            find<void (*)(void *, StorePointer *, int, int, OptionsPointer *)>(kGroup), &shared, int(rank), int(size),
            &options);
        group->setBoundDeviceId(at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(device)));
        return new ct_group_s{std::move(group)};
    });
}
