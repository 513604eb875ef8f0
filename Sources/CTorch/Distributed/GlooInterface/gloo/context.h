// Declarations of gloo that c10d's public header ProcessGroupGloo.hpp needs; LibTorch's packages do not ship gloo's headers.
// CTorch instantiates none of these classes: they are defined in libtorch_cpu.
#pragma once

#include <chrono>

namespace gloo {
class Context {
public:
    void setTimeout(std::chrono::milliseconds timeout);
};
}  // namespace gloo
