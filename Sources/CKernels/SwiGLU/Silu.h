// The activation of SwiGLU, fused into the decoding GEMM and used in training. Included by each instruction set's file.

INLINE Vector silu(Vector x) { return x / (splat(1.0f) + exponential(-x)); }
