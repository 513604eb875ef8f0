// Foretoken's CPU kernels behind a C interface. No C++ types or exceptions cross it; it depends only on the C++ standard library.
#ifndef CKERNELS_H
#define CKERNELS_H

#include "ck_decode.h"
#include "ck_isa.h"
#include "ck_sampling.h"
#include "ck_threads.h"
#include "ck_training.h"
#include "ck_weights.h"

#endif
