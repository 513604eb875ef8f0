// Any processor: four lanes, multiplication and addition rounded apart.
#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "Isa.h"

#define LANES 4
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#define ISA_NAME portable
#include "Body.h"
