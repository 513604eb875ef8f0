// Operators that make the host wait for a GPU, counted on tensors of any device.
#include <ATen/record_function.h>

#include <set>

#include "internal.h"

namespace {

thread_local std::string waits;
thread_local bool is_counting = false;
thread_local at::CallbackHandle handle = 0;

// Operators whose result, or the shape of it, the host must know. Copies between devices cannot be seen on the CPU; those of this
// library are asked for by ct_to_device.
const std::set<std::string_view> &waiting_operators() {
    static const std::set<std::string_view> names = {
        "aten::_local_scalar_dense", "aten::nonzero", "aten::is_nonzero", "aten::equal", "aten::masked_select",
        "aten::_unique2", "aten::unique_dim", "aten::unique_consecutive", "aten::bincount", "aten::repeat_interleave.Tensor",
        "aten::index_put_.bool"};
    return names;
}

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
    handle = at::addThreadLocalCallback(
        at::RecordFunctionCallback([](const at::RecordFunction &function) -> std::unique_ptr<at::ObserverContext> {
            if (waiting_operators().contains(function.name())) note(function.name());
            return nullptr;
        }).scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}));
}

const char *ct_waits_end(void) {
    at::removeCallback(handle);
    is_counting = false;
    return waits.c_str();
}
