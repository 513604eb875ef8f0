// The loss of a prediction head.
#ifndef CT_CROSS_ENTROPY_H
#define CT_CROSS_ENTROPY_H

#include "ct_tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

// The output stage of a prediction head, fused over chunks of rows: RMSNorm, unembedding, cross-entropy, and their gradients.
//
// For hidden [..., D] of N rows, targets int64 [N, k] and probabilities [N, k] (NULL: all 1):
//   loss = −Σ over rows, j of probability_j · log softmax(unembedding · rms_norm(hidden))[target_j], a float64 scalar on
//   hidden's device, so that the host does not synchronise;
//   hidden_gradient = scale · ∂loss/∂hidden, a new tensor of hidden's shape;
//   scale · ∂loss/∂norm and scale · ∂loss/∂unembedding are accumulated in the gradients of these two tensors.
// Rows whose first target is `ignored` contribute 0. No time is spent on them if `rows` gives the indices of the other rows
// (int64, ascending), or for float32 on the CPU. At most `logits_bytes` of logits exist at a time (at least one row). Nothing is
// recorded for autograd.
int32_t ct_fused_cross_entropy(
    ct_tensor hidden, ct_tensor norm, double epsilon, ct_tensor unembedding, ct_tensor targets,
    ct_tensor probabilities_or_null, ct_tensor rows_or_null, int64_t ignored, double scale, int64_t logits_bytes,
    ct_tensor *loss, ct_tensor *hidden_gradient);

// The number of rows per chunk for `rows` rows: chunks of nearly equal size within `logits_bytes`.
int64_t ct_fused_cross_entropy_chunk(int64_t rows, int64_t vocabulary, int64_t element_bytes, int64_t logits_bytes);

// −Σ over rows, j of probability_j · log softmax(logits)[target_j] for logits [N, V], recorded for autograd; targets,
// probabilities and `ignored` as above. The reference for the fused version.
ct_tensor ct_soft_cross_entropy_sum(ct_tensor logits, ct_tensor targets, ct_tensor probabilities, int64_t ignored);

#ifdef __cplusplus
}
#endif
#endif
