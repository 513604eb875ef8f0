// What only the operating system knows. Its calls stand in Platform.cpp.
#pragma once

#include <cstdint>

namespace ck {

// Processors that this process may use, at least 1.
int32_t usable_processors();

}  // namespace ck
