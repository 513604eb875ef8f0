// The CPU allocator: 64-byte aligned, caches freed blocks by size class, counts exact bytes.
//
// glibc returns every large temporary to the kernel, which maps and zeroes it again in the next operation; in a training step
// that costs as much as the arithmetic. Here freed blocks go to the free list of their size class and are reused. Constant
// alignment also keeps MKL's results reproducible from run to run.
#include "Allocator.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/CachingDeviceAllocator.h>

#include "internal.h"

namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kHugePage = size_t(2) << 20;
// For blocks of at least this size, the available memory is checked first, which takes about 20 µs.
constexpr size_t kCheckedSize = size_t(64) << 20;
// The cache is limited to the peak number of bytes in use, but at least to this.
constexpr int64_t kCacheFloor = int64_t(256) << 20;

// Stored in the 64 bytes before the data.
struct alignas(kAlignment) Header {
    size_t requested;
    size_t capacity;
    uint32_t size_class;
};
static_assert(sizeof(Header) == kAlignment);

// Eight classes per power of two: at most 12.5 % of a block is unused.
uint32_t size_class_of(size_t bytes, size_t &capacity) {
    if (bytes <= 512) {
        const size_t units = std::max<size_t>(1, (bytes + 63) / 64);
        capacity = units * 64;
        return static_cast<uint32_t>(units - 1);
    }
    const int exponent = std::bit_width(bytes - 1) - 1;  // 2^exponent < bytes <= 2^(exponent+1)
    const size_t step = size_t(1) << (exponent - 3);
    const size_t eighths = (bytes - (size_t(1) << exponent) + step - 1) / step;  // 1...8
    capacity = (size_t(1) << exponent) + eighths * step;
    return static_cast<uint32_t>(8 + (exponent - 9) * 8 + (eighths - 1));
}

class CachingAllocator final : public c10::Allocator {
public:
    c10::DataPtr allocate(size_t bytes) override {
        if (bytes == 0) return {nullptr, nullptr, &release, c10::Device(c10::kCPU)};
        TORCH_CHECK_WITH(
            OutOfMemoryError, bytes < (size_t(1) << 46), "not enough memory: a tensor of ", bytes, " bytes was requested");
        size_t capacity = 0;
        const uint32_t size_class = size_class_of(bytes, capacity);
        Header *header = take(size_class, capacity, bytes);
        header->requested = bytes;
        void *data = header + 1;
        return {data, data, &release, c10::Device(c10::kCPU)};
    }

    c10::DeleterFnPtr raw_deleter() const override { return &release; }

    void copy_data(void *destination, const void *source, size_t count) const override {
        default_copy_data(destination, source, count);
    }

    ct_memory read() {
        std::lock_guard lock(mutex_);
        return {current_, peak_, cached_};
    }

    void reset_peak() {
        std::lock_guard lock(mutex_);
        peak_ = current_;
    }

    void set_limit(int64_t bytes) {
        std::lock_guard lock(mutex_);
        limit_ = bytes;
    }

    void empty_cache() {
        std::vector<Header *> blocks;
        {
            std::lock_guard lock(mutex_);
            for (auto &list : free_) {
                blocks.insert(blocks.end(), list.begin(), list.end());
                list.clear();
            }
            cached_ = 0;
        }
        for (Header *block : blocks) std::free(block);
    }

private:
    std::mutex mutex_;
    std::vector<Header *> free_[8 + 38 * 8];
    int64_t current_ = 0, peak_ = 0, cached_ = 0, limit_ = 0, highest_ = 0;

    Header *take(uint32_t size_class, size_t capacity, size_t bytes) {
        {
            std::lock_guard lock(mutex_);
            TORCH_CHECK_WITH(
                OutOfMemoryError, limit_ == 0 || current_ + int64_t(bytes) <= limit_, "not enough memory: ", bytes,
                " bytes were requested with ", current_, " of ", limit_, " in use");
            current_ += bytes;
            peak_ = std::max(peak_, current_);
            highest_ = std::max(highest_, current_);
            auto &list = free_[size_class];
            if (!list.empty()) {
                Header *header = list.back();
                list.pop_back();
                cached_ -= capacity;
                return header;
            }
        }
        void *block = new_block(capacity + sizeof(Header));
        if (block == nullptr) {
            empty_cache();
            block = new_block(capacity + sizeof(Header));
        }
        if (block == nullptr) {
            std::lock_guard lock(mutex_);
            current_ -= bytes;
            TORCH_CHECK_WITH(OutOfMemoryError, false, "not enough memory: the machine has no ", bytes, " bytes left");
        }
        Header *header = static_cast<Header *>(block);
        header->capacity = capacity;
        header->size_class = size_class;
        return header;
    }

    // Linux overcommits memory and kills the process when it is touched; checking first allows an out-of-memory error.
    static bool machine_has(size_t bytes) {
        if (bytes < kCheckedSize) return true;
        std::ifstream file("/proc/meminfo");
        size_t available = 0;
        for (std::string key, unit, value; file >> key >> value && std::getline(file, unit);) {
            if (key == "MemAvailable:" || key == "SwapFree:") available += std::strtoull(value.c_str(), nullptr, 10) << 10;
        }
        return available == 0 || bytes <= available;
    }

    static void *new_block(size_t bytes) {
        if (!machine_has(bytes)) return nullptr;
        const bool large = bytes >= 2 * kHugePage;
        void *block = nullptr;
        if (posix_memalign(&block, large ? kHugePage : kAlignment, bytes) != 0) return nullptr;
        if (large) madvise(block, bytes, MADV_HUGEPAGE);
        return block;
    }

    void give_back(Header *header) {
        {
            std::lock_guard lock(mutex_);
            current_ -= header->requested;
            if (cached_ + int64_t(header->capacity) <= std::max(kCacheFloor, highest_)) {
                cached_ += header->capacity;
                free_[header->size_class].push_back(header);
                return;
            }
        }
        std::free(header);
    }

    static void release(void *data);
};

// Never destroyed, since tensors with static lifetime may be released after main returns.
CachingAllocator &allocator() {
    static CachingAllocator *instance = new CachingAllocator();
    return *instance;
}

void CachingAllocator::release(void *data) {
    if (data != nullptr) allocator().give_back(static_cast<Header *>(data) - 1);
}

}  // namespace

void ct::install_allocator() { c10::SetCPUAllocator(&allocator(), /*priority=*/100); }

int32_t ct_memory_read(ct_device device, ct_memory *out) {
    if (device.type == CT_CPU) {
        *out = allocator().read();
        return CT_OK;
    }
    return ct::guarded_status([&] {
        const auto stats = at::getDeviceAllocator(at::kCUDA)->getDeviceStats(ct::device(device).index());
        const auto &bytes = stats.requested_bytes[0];
        *out = {bytes.current, bytes.peak, stats.reserved_bytes[0].current - stats.allocated_bytes[0].current};
    });
}

void ct_memory_reset_peak(ct_device device) {
    if (device.type == CT_CPU) return allocator().reset_peak();
    ct::guarded_status([&] { at::getDeviceAllocator(at::kCUDA)->resetPeakStats(ct::device(device).index()); });
}

void ct_memory_empty_cache(void) { allocator().empty_cache(); }
void ct_memory_set_limit(int64_t bytes) { allocator().set_limit(bytes); }
