// The decoder of a model on a device, and the KV cache of an engine; shared by the files of this folder.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/StreamGuard.h>

#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "ct_decode.h"

namespace ct::passes {

constexpr int64_t slots_per_page = CT_DECODE_SLOTS_PER_PAGE;

class Graphs;

}  // namespace ct::passes

// A model's device and the state shared by its passes.
struct ct_decoder_s {
    const at::Device device;
    const at::ScalarType dtype;
    const int64_t tile;
    const ct_decode_shape shape;
    // Null if passes are not recorded.
    std::unique_ptr<ct::passes::Graphs> graphs;

    ct_decoder_s(at::Device device, at::ScalarType dtype, int64_t tile, bool with_graphs, const ct_decode_shape &shape);
    ~ct_decoder_s();

    at::TensorOptions floats() const { return at::TensorOptions().dtype(at::kFloat).device(device); }
    at::TensorOptions elements() const { return floats().dtype(dtype); }

    // The device copy of a host array of the model: norms, biases, rotary tables.
    at::Tensor constant(const float *host, at::IntArrayRef shape) {
        const std::lock_guard<std::mutex> lock(mutex);
        at::Tensor &copy = constants[host];
        if (!copy.defined())
            copy = at::from_blob(const_cast<float *>(host), shape, at::kFloat).to(device, at::kFloat, false, true);
        return copy;
    }

    // Makes this decoder's stream the current one, since the default stream cannot be captured. Holds a lock if passes are
    // recorded: work that another thread submitted to the stream would be captured, too.
    class OnStream {
    public:
        explicit OnStream(ct_decoder_s &decoder) {
            if (decoder.graphs != nullptr) lock = std::unique_lock<std::mutex>(decoder.work);
            if (decoder.stream) guard.emplace(*decoder.stream);
        }

    private:
        std::unique_lock<std::mutex> lock;
        std::optional<c10::StreamGuard> guard;
    };

private:
    std::optional<c10::Stream> stream;
    std::mutex work;
    std::mutex mutex;
    std::unordered_map<const float *, at::Tensor> constants;
};

// Keys and values of all sequences of an engine, [pages, 16, kv_heads, head_dim] each; undefined until pages are added.
struct ct_decode_cache_s {
    ct_decoder_s &decoder;
    at::Tensor keys, values;
};
