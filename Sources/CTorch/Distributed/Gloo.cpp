// c10d's process group over Gloo.
#define USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include "Group.h"

using namespace ct;
using namespace ct::distributed;
using std::chrono::milliseconds;

ct_group ct_group_gloo(
    ct_store store, const char *prefix, int32_t rank, int32_t size, const char *interface_or_null, const char *address,
    int64_t join_timeout_ms, int64_t timeout_ms
) {
    return attempt<ct_group>(nullptr, [&] {
        const std::string interface = interface_or_null == nullptr ? "" : interface_or_null, host = address;
        const auto shared = c10::make_intrusive<c10d::PrefixStore>(prefix, store->store);
        auto group = within<c10::intrusive_ptr<c10d::Backend>>(milliseconds(join_timeout_ms + join_timeout_ms / 2), [=] {
            auto options = c10d::ProcessGroupGloo::Options::create(milliseconds(join_timeout_ms));
            options->devices.push_back(
                interface.empty() ? c10d::ProcessGroupGloo::createDeviceForHostname(host)
                                  : c10d::ProcessGroupGloo::createDeviceForInterface(interface));
            options->threads = 2;
            auto made = c10::make_intrusive<c10d::ProcessGroupGloo>(shared, rank, size, options);
            made->setTimeout(milliseconds(timeout_ms));
            return c10::intrusive_ptr<c10d::Backend>(std::move(made));
        });
        return new ct_group_s{std::move(group)};
    });
}
