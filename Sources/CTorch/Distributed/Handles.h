// Definitions and helpers for the handles of ct_distributed.h.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "../internal.h"
#include "ct_distributed.h"

struct ct_store_s {
    c10::intrusive_ptr<c10d::TCPStore> store;
};

namespace ct::distributed {

struct TimedOut : std::exception {
    const char *what() const noexcept override { return "timed out"; }
};

// As ct::guarded, but no exception is reported as a programmer error.
template <typename Result, typename Body>
Result attempt(Result failure, Body &&body) {
    try {
        return body();
    } catch (...) {
        record_run_time_exception();
        return failure;
    }
}

template <typename Body>
int32_t attempt_status(Body &&body) {
    try {
        body();
        return CT_OK;
    } catch (const TimedOut &) {
        return CT_TIMED_OUT;
    } catch (...) {
        record_run_time_exception();
        return CT_RUNTIME_ERROR;
    }
}

// Runs `body` on a detached thread and throws TimedOut if it does not finish in time: connecting to another program's port, or
// to a frozen peer, can block where c10d's timeouts do not apply.
template <typename Value>
Value within(std::chrono::milliseconds limit, std::function<Value()> body) {
    auto task = std::make_shared<std::packaged_task<Value()>>(std::move(body));
    auto result = task->get_future();
    std::thread([task] { (*task)(); }).detach();
    if (result.wait_for(limit) != std::future_status::ready) throw TimedOut();
    return result.get();
}

}  // namespace ct::distributed
