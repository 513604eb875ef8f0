// What the files of this folder share: a model's device and the memory of an engine's caches on it.
#pragma once

#include <ATen/ATen.h>
#include <c10/core/StreamGuard.h>

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "ct_kernels.h"

namespace ct::passes {

constexpr int64_t slots_per_page = CT_K_PANEL;

class Graphs;

}  // namespace ct::passes

// The device of a model, and what its passes share.
struct ct_k_device_s {
    at::Device device;
    at::ScalarType dtype;
    int64_t tile;
    // Null where every pass is run operation by operation.
    std::unique_ptr<ct::passes::Graphs> graphs;

    ct_k_device_s(at::Device device, at::ScalarType dtype, int64_t tile, bool with_graphs);
    ~ct_k_device_s();

    at::TensorOptions floats() const { return at::TensorOptions().dtype(at::kFloat).device(device); }
    at::TensorOptions elements() const { return floats().dtype(dtype); }

    // A copy on the device of numbers that the model keeps on the host: norms, biases, rotary tables.
    at::Tensor constant(const float *host, at::IntArrayRef shape) {
        const std::lock_guard<std::mutex> lock(mutex);
        at::Tensor &copy = constants[host];
        if (!copy.defined())
            copy = at::from_blob(const_cast<float *>(host), shape, at::kFloat).to(device, at::kFloat, false, true);
        return copy;
    }

    // Makes the stream of this device's work the current one, since graphs are not recorded on the stream that all share, for
    // one thread at a time: what another did on it would be recorded, too.
    class OnStream {
    public:
        explicit OnStream(ct_k_device_s &device) {
            if (device.graphs != nullptr) lock = std::unique_lock<std::mutex>(device.work);
            if (device.stream) guard.emplace(*device.stream);
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

// Keys and values of all sequences of an engine, [pages, 16, K, d] each. What the host takes for a page's address is the
// address of its number here.
struct ct_k_pages_s {
    struct Page {
        ct_k_pages_s *owner;
        int64_t number;
    };

    ct_k_device_s *device = nullptr;
    at::Tensor keys, values;
    std::deque<Page> pages;

    static const Page &page(const float *address) { return *reinterpret_cast<const Page *>(address); }
};
