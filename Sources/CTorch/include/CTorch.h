#ifndef CTORCH_H
#define CTORCH_H
#include "ct_cross_entropy.h"
#include "ct_decode.h"
#include "ct_device.h"
#include "ct_distributed.h"
#include "ct_operators.h"
#include "ct_tensor.h"
#include "ct_training.h"
#endif
