// The memory of caches on a device.
#include <c10/core/InferenceMode.h>

#include "../internal.h"
#include "Graphs.h"

using at::Tensor;
using namespace ct::passes;

int64_t ct_k_device_page_bytes(const ct_k_shape *shape) {
    return 2 * slots_per_page * shape->kv_heads * shape->head_dim *
           static_cast<int64_t>(c10::elementSize(shape->device->dtype));
}

ct_k_pages ct_k_pages_new(void) { return new ct_k_pages_s{}; }

void ct_k_pages_release(ct_k_pages pages) { delete pages; }

int32_t ct_k_pages_grow(ct_k_pages pages, const ct_k_shape *shape, int64_t count, float **added) {
    return ct::guarded_status([&] {
        const c10::InferenceMode guard;
        const ct_k_device_s::OnStream stream(*shape->device);
        const auto grown = [&](const Tensor &old) {
            const auto more = at::zeros(
                {count, slots_per_page, shape->kv_heads, shape->head_dim}, shape->device->elements());
            return old.defined() ? at::cat({old, more}) : more;
        };
        // They know the caches where these are no longer.
        if (shape->device->graphs != nullptr) shape->device->graphs->forget();
        auto keys = grown(pages->keys), values = grown(pages->values);
        pages->device = shape->device;
        pages->keys = std::move(keys), pages->values = std::move(values);
        for (int64_t i = 0; i < count; i++) {
            pages->pages.push_back({pages, static_cast<int64_t>(pages->pages.size())});
            added[i] = reinterpret_cast<float *>(&pages->pages.back());
        }
    });
}

int32_t ct_k_pages_copy(const float *from, float *to) {
    return ct::guarded_status([&] {
        const c10::InferenceMode guard;
        const auto &source = ct_k_pages_s::page(from), &target = ct_k_pages_s::page(to);
        const ct_k_device_s::OnStream stream(*target.owner->device);
        for (Tensor *all : {&target.owner->keys, &target.owner->values})
            (*all)[target.number].copy_((*all)[source.number]);
    });
}

int32_t ct_k_pages_clear(float *const *addresses, int64_t count) {
    return ct::guarded_status([&] {
        const c10::InferenceMode guard;
        if (count == 0) return;
        std::vector<int64_t> numbers;
        for (int64_t i = 0; i < count; i++) numbers.push_back(ct_k_pages_s::page(addresses[i]).number);
        const auto &owner = *ct_k_pages_s::page(addresses[0]).owner;
        const ct_k_device_s::OnStream stream(*owner.device);
        const auto which = at::tensor(numbers, at::kLong).to(owner.keys.device());
        owner.keys.index_fill_(0, which, 0);
        owner.values.index_fill_(0, which, 0);
    });
}
