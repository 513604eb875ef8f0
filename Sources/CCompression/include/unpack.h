#ifndef UNPACK_H
#define UNPACK_H

#include <stddef.h>
#include <stdint.h>

// Unpacks gzip and zstd with the system's zlib and libzstd, which are loaded when first needed: neither their headers nor
// their programs have to be installed, and every Debian has both libraries (dpkg needs them).

typedef struct unpacker unpacker;

typedef enum { UNPACK_GZIP, UNPACK_ZSTD } unpack_format;

typedef enum {
    UNPACK_GOES_ON,
    // A member or frame ended here; another may follow.
    UNPACK_AT_END,
    UNPACK_FAILED,
} unpack_state;

// NULL without memory, or where the library is not there.
unpacker *_Nullable unpack_open(unpack_format format);
void unpack_close(unpacker *_Nullable unpacker);

// Takes bytes of `input` and gives bytes to `output`, either until one of them is used up or a member ends.
unpack_state unpack_step(
    unpacker *_Nonnull unpacker, const void *_Nullable input, size_t input_count, size_t *_Nonnull taken,
    void *_Nonnull output, size_t output_count, size_t *_Nonnull given);

// The library's words for the last failure.
const char *_Nonnull unpack_message(const unpacker *_Nonnull unpacker);

#endif
