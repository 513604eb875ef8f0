// What c10d's public header ProcessGroupGloo.hpp names of gloo, whose own headers the LibTorch packages leave out. Nothing
// here is ever instantiated by us: the classes live inside libtorch_cpu.
#pragma once

#include <chrono>

namespace gloo {
class Context {
public:
    void setTimeout(std::chrono::milliseconds timeout);
};
}  // namespace gloo
