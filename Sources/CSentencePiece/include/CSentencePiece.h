// The few calls of the system's SentencePiece library that a tokenizer needs, as C. Nothing but with the package trait
// SentencePiece: without it the target is empty, and the library need not be there.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct csp_model csp_model;

enum { CSP_NORMAL, CSP_CONTROL, CSP_UNKNOWN, CSP_UNUSED, CSP_BYTE };

// A model out of the bytes of a .model file; null if they are none, with a sentence in `error`.
csp_model *csp_load(const void *bytes, size_t count, char *error, size_t capacity);
void csp_release(csp_model *model);

int32_t csp_size(const csp_model *model);
// -1 where the model has none.
int32_t csp_begin(const csp_model *model);
int32_t csp_end(const csp_model *model);

// What a piece is, and its text: copied as far as `capacity` goes, its whole length given back. -1 outside the vocabulary.
int32_t csp_kind(const csp_model *model, int32_t id);
int64_t csp_piece(const csp_model *model, int32_t id, char *buffer, size_t capacity);

// The pieces of a text, -1 on failure; `*ids` is the caller's to free with csp_free. May be called from several threads.
int64_t csp_encode(const csp_model *model, const char *text, size_t count, int32_t **ids);
// The text of pieces, -1 on failure.
int64_t csp_decode(const csp_model *model, const int32_t *ids, size_t count, char **text);
void csp_free(void *memory);

#ifdef __cplusplus
}
#endif
