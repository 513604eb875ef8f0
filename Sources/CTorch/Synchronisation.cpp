// Records operators at which the host would synchronise with a GPU; works with tensors of any device.
#include <ATen/record_function.h>

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "internal.h"

namespace {

thread_local std::string waits;
thread_local bool is_counting = false;
// The nesting depth of operators whose CPU implementation reads values that the GPU implementation leaves on the device.
thread_local int32_t exempt = 0;
thread_local at::CallbackHandle handle = 0;

// Operators whose result, or its shape, the host must know. Copies between devices are not visible on the CPU; ct_to_device
// reports those of this library.
const std::set<std::string_view> &waiting_operators() {
    static const std::set<std::string_view> names = {
        "aten::_local_scalar_dense", "aten::nonzero", "aten::is_nonzero", "aten::equal", "aten::masked_select",
        "aten::_unique2", "aten::unique_dim", "aten::unique_consecutive", "aten::bincount"};
    return names;
}

bool is_exempt(const char *name) { return std::string_view(name) == "aten::_fused_adamw_"; }

void note(std::string_view name) {
    if (!waits.empty()) waits += ' ';
    waits += name;
}

}  // namespace

void ct::note_host_copy(const at::Tensor &from) {
    if (is_counting && from.is_cpu()) note("ct_to_device");
}

void ct_waits_begin(void) {
    waits.clear();
    is_counting = true;
    exempt = 0;
    const auto start = [](const at::RecordFunction &function) -> std::unique_ptr<at::ObserverContext> {
        if (is_exempt(function.name())) exempt++;
        if (exempt == 0 && waiting_operators().contains(function.name())) note(function.name());
        return nullptr;
    };
    const auto end = [](const at::RecordFunction &function, at::ObserverContext *) {
        if (is_exempt(function.name())) exempt--;
    };
    handle = at::addThreadLocalCallback(at::RecordFunctionCallback(start, end).scopes({at::RecordScope::FUNCTION}));
}

const char *ct_waits_end(void) {
    at::removeCallback(handle);
    is_counting = false;
    return waits.c_str();
}
