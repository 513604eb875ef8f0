// Shared by the .cpp files of CTorch: conversions between handles and tensors, and guards that stop exceptions at the C ABI.
#pragma once

#if !__has_include(<ATen/core/Tensor.h>)
#error "LibTorch not found: run `make setup`, then `make build` (or export PKG_CONFIG_PATH=$PWD/.libtorch before `swift build`)."
#endif

// Not <ATen/ATen.h>, which declares all operators and takes seconds to compile. This header has all methods of tensors. For
// functions such as at::mm a file includes <ATen/ops/mm.h>, for + and * on tensors <ATen/TensorOperators.h>. See
// AT_PER_OPERATOR_HEADERS in Package.swift.
#include <ATen/core/Tensor.h>

#include <optional>
#include <utility>
#include <vector>

#include "ct_tensor.h"

namespace ct {

// The elements of a tensor; the caller has checked the type. Not `t.const_data_ptr<T>()`: in LibTorch 2.11, built with GCC, its
// mangled name differs from the one that clang expects.
template <typename T>
const T *elements(const at::Tensor &t) {
    return static_cast<const T *>(t.const_data_ptr());
}

inline ct_tensor wrap(at::Tensor tensor) {
    return reinterpret_cast<ct_tensor>(tensor.unsafeReleaseTensorImpl());
}

inline at::Tensor borrow(ct_tensor handle) {
    return at::Tensor(c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::reclaim_copy(
        reinterpret_cast<c10::TensorImpl *>(handle)));
}

inline std::optional<at::Tensor> borrow_optional(ct_tensor handle) {
    if (handle == nullptr) return std::nullopt;
    return borrow(handle);
}

inline std::vector<at::Tensor> borrow_list(const ct_tensor *list, int32_t count) {
    std::vector<at::Tensor> tensors;
    tensors.reserve(count);
    for (int32_t i = 0; i < count; i++) tensors.push_back(borrow(list[i]));
    return tensors;
}

inline at::Device device(ct_device d) {
    if (d.type == CT_META) return at::Device(at::kMeta);
    return d.type == CT_CUDA ? at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(d.index)) : at::Device(at::kCPU);
}

inline at::ScalarType scalar_type(int32_t dtype) { return static_cast<at::ScalarType>(dtype); }

inline at::IntArrayRef shape(const int64_t *sizes, int32_t rank) {
    return at::IntArrayRef(sizes, static_cast<size_t>(rank));
}

// Records a synchronous copy from the host; see ct_waits_begin.
void note_host_copy(const at::Tensor &from);

// Stores the current exception as this thread's last error; call it in a catch block only.
void record_current_exception();
// The same, but never as a programmer error.
void record_run_time_exception();

template <typename Body>
ct_tensor guarded(Body &&body) {
    try {
        return wrap(body());
    } catch (...) {
        record_current_exception();
        return nullptr;
    }
}

template <typename Body>
int32_t guarded_status(Body &&body) {
    try {
        body();
        return CT_OK;
    } catch (...) {
        record_current_exception();
        return ct_last_error_kind();
    }
}

}  // namespace ct
