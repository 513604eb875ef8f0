// Foretoken's CPU kernels behind a C header. No C++ type and no exception crosses it; it needs no library beyond C++'s own.
#ifndef CKERNELS_H
#define CKERNELS_H

#include "ck_decode.h"
#include "ck_isa.h"
#include "ck_sampling.h"
#include "ck_threads.h"
#include "ck_training.h"
#include "ck_weights.h"

#endif
