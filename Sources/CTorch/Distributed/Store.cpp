// c10d's TCPStore.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include <c10/util/Flags.h>

#include "Handles.h"

C10_DECLARE_int(caffe2_log_level);

using namespace ct;
using namespace ct::distributed;
using std::chrono::milliseconds;

ct_store ct_store_open(const char *host, uint16_t port, bool serve, int64_t timeout_ms) {
    return attempt<ct_store>(nullptr, [&] {
        // c10d would print a warning for every connection attempt; a failure is reported once as our error.
        if (std::getenv("TORCH_CPP_LOG_LEVEL") == nullptr) FLAGS_caffe2_log_level = std::max(FLAGS_caffe2_log_level, 3);
        c10d::TCPStoreOptions options;
        options.port = port;
        options.isServer = serve;
        options.waitWorkers = false;
        options.timeout = milliseconds(timeout_ms);
        const std::string name = host;
        auto store = within<c10::intrusive_ptr<c10d::TCPStore>>(milliseconds(timeout_ms + timeout_ms / 2), [=] {
            return c10::make_intrusive<c10d::TCPStore>(name, options);
        });
        return new ct_store_s{std::move(store)};
    });
}

void ct_store_release(ct_store store) { delete store; }
uint16_t ct_store_port(ct_store store) { return store->store->getPort(); }

int32_t ct_store_set(ct_store store, const char *key, const void *bytes, size_t count) {
    return attempt_status([&] {
        const auto first = static_cast<const uint8_t *>(bytes);
        store->store->set(key, std::vector<uint8_t>(first, first + count));
    });
}

int32_t ct_store_get(ct_store store, const char *key, void *bytes, size_t capacity, size_t *count) {
    return attempt_status([&] {
        const auto value = store->store->get(key);
        *count = value.size();
        if (!value.empty()) std::memcpy(bytes, value.data(), std::min(capacity, value.size()));
    });
}

int32_t ct_store_add(ct_store store, const char *key, int64_t amount, int64_t *value) {
    return attempt_status([&] { *value = store->store->add(key, amount); });
}

int32_t ct_store_has(ct_store store, const char *key, bool *found) {
    return attempt_status([&] { *found = store->store->check({key}); });
}
