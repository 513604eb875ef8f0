// Any processor: four lanes, multiplication and addition rounded separately.
#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "../Gemm/Bfloat16.h"
#include "Isa.h"

#define LANES 4
#define TILE_ROWS 4
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#define ISA_ID CK_PORTABLE
#define ISA_NAME portable
#define TRAINING_NAME portable_training
#include "Kernels.h"
