// The loss of a prediction head.
#ifndef CT_CROSS_ENTROPY_H
#define CT_CROSS_ENTROPY_H

#include "ct_tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

// The end of a prediction head, fused over chunks of tokens: RMSNorm, unembedding, cross-entropy, and their gradients.
//
// For hidden [..., D] of N rows, targets int64 [N, k] and probabilities [N, k] (NULL: all 1):
//   loss = −Σ over rows, j of probability_j · log softmax(unembedding · rms_norm(hidden))[target_j], a sum: a float64
//   scalar on hidden's device, so that nothing waits for it;
//   hidden_gradient = scale · ∂loss/∂hidden, new, of hidden's shape;
//   scale · ∂loss/∂norm and ∂loss/∂unembedding are added to these two tensors' own gradients.
// Rows whose first target is `ignored` count nothing. Given the others' indices (`rows`, ascending int64), they cost nothing
// either; without, as on the CPU in float32, where they are found at once. At most `logits_bytes` of logits exist at a time (one
// row if that is more). Nothing is recorded for autograd.
int32_t ct_fused_cross_entropy(
    ct_tensor hidden, ct_tensor norm, double epsilon, ct_tensor unembedding, ct_tensor targets,
    ct_tensor probabilities_or_null, ct_tensor rows_or_null, int64_t ignored, double scale, int64_t logits_bytes,
    ct_tensor *loss, ct_tensor *hidden_gradient);

// How many rows the chunks of `rows` rows have: as equal as may be, within `logits_bytes`.
int64_t ct_fused_cross_entropy_chunk(int64_t rows, int64_t vocabulary, int64_t element_bytes, int64_t logits_bytes);

// −Σ over rows, j of probability_j · log softmax(logits)[target_j] for logits [N, V], recorded for autograd; targets,
// probabilities and `ignored` as above. The reference of the fused one.
ct_tensor ct_soft_cross_entropy_sum(ct_tensor logits, ct_tensor targets, ct_tensor probabilities, int64_t ignored);

#ifdef __cplusplus
}
#endif
#endif
