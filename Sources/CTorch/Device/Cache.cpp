// The KV cache on a device.
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include "../internal.h"
#include "Graphs.h"

using at::Tensor;
using namespace ct::passes;

int64_t ct_decode_page_bytes(ct_decoder decoder) {
    return 2 * slots_per_page * decoder->shape.kv_heads * decoder->shape.head_dim *
           static_cast<int64_t>(c10::elementSize(decoder->dtype));
}

ct_decode_cache ct_decode_cache_new(ct_decoder decoder) { return new ct_decode_cache_s{*decoder, {}, {}}; }

void ct_decode_cache_release(ct_decode_cache cache) { delete cache; }

int32_t ct_decode_cache_grow(ct_decode_cache cache, int64_t count) {
    return ct::guarded_status([&] {
        const c10::InferenceMode guard;
        ct_decoder_s &decoder = cache->decoder;
        const ct_decoder_s::OnStream stream(decoder);
        const auto grown = [&](const Tensor &old) {
            const auto more = at::zeros(
                {count, slots_per_page, decoder.shape.kv_heads, decoder.shape.head_dim}, decoder.elements());
            return old.defined() ? at::cat({old, more}) : more;
        };
        // Recorded passes refer to the cache at its old address.
        if (decoder.graphs != nullptr) decoder.graphs->forget();
        auto keys = grown(cache->keys), values = grown(cache->values);
        cache->keys = std::move(keys), cache->values = std::move(values);
    });
}

int32_t ct_decode_cache_copy(ct_decode_cache cache, int32_t from, int32_t to) {
    return ct::guarded_status([&] {
        const c10::InferenceMode guard;
        const ct_decoder_s::OnStream stream(cache->decoder);
        for (Tensor *all : {&cache->keys, &cache->values}) (*all)[to].copy_((*all)[from]);
    });
}

int32_t ct_decode_cache_clear(ct_decode_cache cache, const int32_t *pages, int64_t count) {
    return ct::guarded_status([&] {
        const c10::InferenceMode guard;
        if (count == 0) return;
        const std::vector<int64_t> numbers(pages, pages + count);
        const ct_decoder_s::OnStream stream(cache->decoder);
        const auto indices = at::tensor(numbers, at::kLong).to(cache->keys.device());
        cache->keys.index_fill_(0, indices, 0);
        cache->values.index_fill_(0, indices, 0);
    });
}
