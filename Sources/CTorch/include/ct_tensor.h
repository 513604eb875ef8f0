// The C ABI over LibTorch: opaque handles and plain structs. No C++ type and no exception crosses it.
//
// Every function that can fail returns NULL or a non-zero status and sets `ct_last_error`.
// A `ct_tensor` is an owned reference to a c10::TensorImpl: the receiver must call `ct_release` once.
#ifndef CT_TENSOR_H
#define CT_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_tensor_s *ct_tensor;
typedef struct ct_generator_s *ct_generator;

// The kind of an error: a programmer error (shape, dtype), or a failure that a correct program can encounter.
enum { CT_OK = 0, CT_PROGRAMMER_ERROR = 1, CT_OUT_OF_MEMORY = 2, CT_RUNTIME_ERROR = 3 };

// The message of this thread's last error, without torch's backtrace; valid until the next failing call on this thread.
const char *ct_last_error(void);
int32_t ct_last_error_kind(void);

// Values are LibTorch's c10::ScalarType.
enum {
    CT_UINT8 = 0, CT_INT8 = 1, CT_INT16 = 2, CT_INT32 = 3, CT_INT64 = 4, CT_FLOAT16 = 5, CT_FLOAT32 = 6,
    CT_FLOAT64 = 7, CT_BOOL = 11, CT_BFLOAT16 = 15
};
// CT_META: shapes and types without elements (PyTorch's meta device).
enum { CT_CPU = 0, CT_CUDA = 1, CT_META = 2 };
typedef struct { int32_t type; int32_t index; } ct_device;

// MARK: the process
// Installs the counting, caching allocator, makes CKernels use LibTorch's threads, and loads libtorch_cuda.so from the folder of
// libtorch_cpu.so if it exists. Idempotent.
void ct_initialize(void);
const char *ct_version(void);
bool ct_cuda_is_available(void);
// Why libtorch_cuda.so was not loaded; empty if it was.
const char *ct_cuda_problem(void);
// The name of a GPU, such as "NVIDIA H100 80GB HBM3", truncated to `size` bytes including the final 0. False if there is none.
bool ct_cuda_device_name(int32_t index, char *name, int32_t size);
// Whether the CPU has bfloat16 GEMM instructions (AVX512_BF16 or AMX); without them LibTorch emulates bfloat16.
bool ct_cpu_has_bfloat16(void);
// Sets the number of threads of LibTorch and of CKernels.
void ct_set_threads(int32_t threads);
int32_t ct_threads(void);

// For tests: records on this thread every operator at which the host would synchronise with a GPU (its result is a number or a
// shape), and every copy to a device that is not an upload. ct_waits_end stops and returns their names, separated by spaces.
void ct_waits_begin(void);
const char *ct_waits_end(void);

// Exact bytes of the device's tensors (as requested, without rounding), now and at the peak since a reset; and bytes cached for
// reuse.
typedef struct { int64_t current; int64_t peak; int64_t cached; } ct_memory;
int32_t ct_memory_read(ct_device device, ct_memory *out);
void ct_memory_reset_peak(ct_device device);
void ct_memory_empty_cache(void);
// Limits the bytes of CPU tensors; allocations beyond it fail (0: no limit). For tests of running out of memory.
void ct_memory_set_limit(int64_t bytes);

// MARK: tensors
ct_tensor ct_retain(ct_tensor t);
void ct_release(ct_tensor t);
ct_tensor ct_empty(const int64_t *shape, int32_t rank, int32_t dtype, ct_device device);
ct_tensor ct_full(const int64_t *shape, int32_t rank, double value, int32_t dtype, ct_device device);
ct_tensor ct_arange(double start, double end, double step, int32_t dtype, ct_device device);
// Copies `bytes` into a new CPU tensor; `count` must be the tensor's size.
ct_tensor ct_from_bytes(const void *bytes, size_t count, const int64_t *shape, int32_t rank, int32_t dtype);
// The same on a device. To a GPU the bytes are copied asynchronously from pinned memory.
ct_tensor ct_upload(
    const void *bytes, size_t count, const int64_t *shape, int32_t rank, int32_t dtype, ct_device device);
// Copies bytes into an existing tensor in the same way.
int32_t ct_upload_into(ct_tensor t, const void *bytes, size_t count);
int32_t ct_copy_to_bytes(ct_tensor t, void *bytes, size_t count);
int32_t ct_rank(ct_tensor t);
int64_t ct_size(ct_tensor t, int32_t axis);
int64_t ct_stride(ct_tensor t, int32_t axis);
int32_t ct_dtype(ct_tensor t);
ct_device ct_tensor_device(ct_tensor t);
bool ct_is_contiguous(ct_tensor t);
void *ct_data(ct_tensor t);
int32_t ct_item(ct_tensor t, double *out);
int32_t ct_item_int(ct_tensor t, int64_t *out);

// MARK: random numbers
ct_generator ct_generator_new(uint64_t seed);
void ct_generator_release(ct_generator g);
ct_tensor ct_normal(const int64_t *shape, int32_t rank, double mean, double std, int32_t dtype, ct_generator g);
// Normal(0, std) truncated to [-bound·std, bound·std].
ct_tensor ct_truncated_normal(
    const int64_t *shape, int32_t rank, double std, double bound, int32_t dtype, ct_generator g);

// MARK: autograd
bool ct_grad_mode(void);
void ct_set_grad_mode(bool enabled);
int32_t ct_set_requires_grad(ct_tensor t, bool value);
bool ct_requires_grad(ct_tensor t);
ct_tensor ct_detach(ct_tensor t);
// NULL, which is not an error, if there is no gradient yet.
ct_tensor ct_grad(ct_tensor t);
int32_t ct_set_grad(ct_tensor t, ct_tensor gradient_or_null);
// Accumulates gradients in the leaves; `gradient` may be NULL for a scalar.
int32_t ct_backward(ct_tensor t, ct_tensor gradient);

#ifdef __cplusplus
}
#endif
#endif
