// Process-wide state: errors, threads, and loading CUDA.
#include <dlfcn.h>

#include <mutex>
#include <new>
#include <string>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <torch/version.h>

#include "Allocator.h"
#include "OpenMPTeam.h"
#include "ck_threads.h"
#include "internal.h"

namespace {

thread_local std::string last_message;
thread_local int32_t last_kind = CT_OK;
// Why libtorch_cuda.so was not loaded.
std::string cuda_problem;

void record(int32_t kind, std::string message) {
    // torch appends a C++ backtrace, which is not for users.
    const auto trace = message.find("\nException raised from");
    if (trace != std::string::npos) message.resize(trace);
    last_kind = kind;
    last_message = std::move(message);
}

bool mentions_memory(const std::string &message) {
    return message.find("not enough memory") != std::string::npos ||
           message.find("out of memory") != std::string::npos;
}

}  // namespace

void ct::record_current_exception() {
    try {
        throw;
    } catch (const c10::OutOfMemoryError &error) {
        record(CT_OUT_OF_MEMORY, error.what_without_backtrace());
    } catch (const c10::Error &error) {
        const std::string message = error.what_without_backtrace();
        record(mentions_memory(message) ? CT_OUT_OF_MEMORY : CT_PROGRAMMER_ERROR, message);
    } catch (const std::bad_alloc &) {
        record(CT_OUT_OF_MEMORY, "out of memory");
    } catch (const std::exception &error) {
        record(CT_RUNTIME_ERROR, error.what());
    } catch (...) {
        record(CT_RUNTIME_ERROR, "unknown C++ exception");
    }
}

void ct::record_run_time_exception() {
    record_current_exception();
    if (last_kind == CT_PROGRAMMER_ERROR) last_kind = CT_RUNTIME_ERROR;
}

const char *ct_last_error(void) { return last_message.c_str(); }
int32_t ct_last_error_kind(void) { return last_kind; }

void ct_initialize(void) {
    static std::once_flag once;
    std::call_once(once, [] {
        ct::install_allocator();
        // Only torch_cpu is linked; loading torch_cuda registers its kernels.
        Dl_info self;
        if (dladdr(reinterpret_cast<void *>(&at::get_num_threads), &self) != 0 && self.dli_fname != nullptr) {
            std::string folder = self.dli_fname;
            folder.resize(folder.find_last_of('/') + 1);
            if (dlopen((folder + "libtorch_cuda.so").c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) cuda_problem = dlerror();
        }
        ct::use_openmp_team();
        ck_set_threads(at::get_num_threads());
    });
}

const char *ct_version(void) { return TORCH_VERSION; }

bool ct_cuda_is_available(void) {
    try {
        return at::hasCUDA();
    } catch (...) {
        return false;
    }
}

const char *ct_cuda_problem(void) { return cuda_problem.c_str(); }

bool ct_cuda_device_name(int32_t index, char *name, int32_t size) {
    if (size < 1 || !ct_cuda_is_available()) return false;
    // LibTorch has found a GPU, so the driver is loaded; looking its functions up by name avoids CUDA's headers.
    int device = 0;
    // CUDA's runtime loads the driver with local visibility, so its symbols cannot be found without a handle.
    void *const driver = dlopen("libcuda.so.1", RTLD_NOW);
    if (driver == nullptr) return false;
    const auto get = reinterpret_cast<int (*)(int *, int)>(dlsym(driver, "cuDeviceGet"));
    const auto get_name = reinterpret_cast<int (*)(char *, int, int)>(dlsym(driver, "cuDeviceGetName"));
    return get != nullptr && get_name != nullptr && get(&device, index) == 0 && get_name(name, size, device) == 0;
}

bool ct_cpu_has_bfloat16(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512bf16") || __builtin_cpu_supports("amx-bf16");
#else
    return false;
#endif
}

void ct_set_threads(int32_t threads) {
    at::set_num_threads(threads);
    ck_set_threads(threads);
}

int32_t ct_threads(void) { return at::get_num_threads(); }
