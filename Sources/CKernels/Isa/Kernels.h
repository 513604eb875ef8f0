// All kernels, written once over a vector of LANES floats and compiled for each instruction set (Portable.cpp, Avx2.cpp,
// Avx512.cpp, Avx512Vnni.cpp). These files define LANES, TILE_ROWS (of the decoding GEMM), MULTIPLY_ADD, DOT4 (optional), ISA_ID,
// ISA_NAME, and TRAINING_NAME, the table of training kernels; with TRAINING_REUSED, that table belongs to another set.
// Intentionally without an include guard.

namespace ck {
namespace {

#include "Vector.h"

#include "../SwiGLU/Silu.h"

#include "../Gemm/DecodeGemm.h"

#include "../Attention/DecodeAttention.h"
#include "../Decode/ReadKernel.h"
#include "../Gemm/ConvertKernels.h"
#include "../Norm/DecodeNorm.h"
#include "../Rope/RopeKernel.h"

#ifndef TRAINING_REUSED
#include "../Attention/TrainingAttention.h"
#include "../CrossEntropy/SoftmaxCrossEntropy.h"
#include "../Gemm/TrainingGemm.h"
#include "../Norm/TrainingNorm.h"
#include "../Optimizer/OptimizerKernels.h"
#include "../SwiGLU/SwiGLUKernel.h"
#endif

}  // namespace

#ifndef TRAINING_REUSED
const TrainingKernels TRAINING_NAME = {
    training_norm, training_norm_recompute, training_norm_backward, swiglu, swiglu_backward, squares, adamw,
    training_attention, training_attention_backward, softmax_cross_entropy, training_gemm, kGemmScratch,
};
#endif

const Isa ISA_NAME = {
    ISA_ID, decode_gemm, round_rows, decode_norm, decode_attention, rope, expand, narrow, read, TRAINING_NAME,
};

}  // namespace ck
