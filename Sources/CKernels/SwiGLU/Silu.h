// The activation of SwiGLU, in the end of the decoding GEMM and in training. Included by each instruction set's file.

INLINE Vector silu(Vector x) { return x / (splat(1.0f) + exponential(-x)); }
