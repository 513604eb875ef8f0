// Operating-system queries.
#pragma once

#include <cstdint>

namespace ck {

// Number of processors that this process may use, at least 1.
int32_t usable_processors();

}  // namespace ck
