#include "unpack.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>

// zlib's z_stream; its layout is part of the library's ABI and has not changed since 1.2.0, and inflateInit2_ checks its size.
typedef struct {
    const unsigned char *next_in;
    unsigned avail_in;
    unsigned long total_in;
    unsigned char *next_out;
    unsigned avail_out;
    unsigned long total_out;
    const char *msg;
    void *state, *zalloc, *zfree, *opaque;
    int data_type;
    unsigned long adler, reserved;
} z_stream;

enum { Z_OK = 0, Z_STREAM_END = 1, Z_BUF_ERROR = -5, GZIP_WINDOW = 15 + 16 };

// libzstd's two buffers.
typedef struct { const void *src; size_t size, pos; } zstd_input;
typedef struct { void *dst; size_t size, pos; } zstd_output;

struct unpacker {
    unpack_format format;
    const char *message;
    z_stream gzip;
    int needs_reset;
    void *zstd;
};

static struct {
    const char *(*version)(void);
    int (*init)(z_stream *, int, const char *, int);
    int (*inflate)(z_stream *, int);
    int (*reset)(z_stream *);
    int (*end)(z_stream *);
} zlib;

static struct {
    void *(*create)(void);
    size_t (*free)(void *);
    size_t (*decompress)(void *, zstd_output *, zstd_input *);
    unsigned (*is_error)(size_t);
    const char *(*error_name)(size_t);
} zstd;

// Several threads may come here at once: they all write the same addresses.
static int load(const char *library, const char *const names[], void **functions, int count) {
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!handle) return 0;
    for (int i = 0; i < count; i++) {
        void *function = dlsym(handle, names[i]);
        if (!function) return 0;
        __atomic_store_n(&functions[i], function, __ATOMIC_RELAXED);
    }
    return 1;
}

static int load_format(unpack_format format) {
    static const char *const zlib_names[] = {"zlibVersion", "inflateInit2_", "inflate", "inflateReset", "inflateEnd"};
    static const char *const zstd_names[] = {
        "ZSTD_createDStream", "ZSTD_freeDStream", "ZSTD_decompressStream", "ZSTD_isError", "ZSTD_getErrorName"};
    return format == UNPACK_GZIP ? load("libz.so.1", zlib_names, (void **)&zlib, 5)
                                 : load("libzstd.so.1", zstd_names, (void **)&zstd, 5);
}

unpacker *unpack_open(unpack_format format) {
    if (!load_format(format)) return NULL;
    unpacker *made = calloc(1, sizeof *made);
    if (!made) return NULL;
    made->format = format;
    made->message = "";
    if (format == UNPACK_GZIP) {
        if (zlib.init(&made->gzip, GZIP_WINDOW, zlib.version(), (int)sizeof(z_stream)) == Z_OK) return made;
    } else if ((made->zstd = zstd.create())) {
        return made;
    }
    free(made);
    return NULL;
}

void unpack_close(unpacker *it) {
    if (!it) return;
    if (it->format == UNPACK_GZIP) zlib.end(&it->gzip);
    else zstd.free(it->zstd);
    free(it);
}

static unpack_state step_gzip(
    unpacker *it, const void *input, size_t input_count, size_t *taken, void *output, size_t output_count, size_t *given) {
    z_stream *stream = &it->gzip;
    // Tapes and object stores fill up what follows a member with zeros, as gzip itself allows.
    if (it->needs_reset) {
        const unsigned char *bytes = input;
        size_t zeros = 0;
        while (zeros < input_count && bytes[zeros] == 0) zeros++;
        if (zeros > 0) {
            *taken = zeros;
            *given = 0;
            return UNPACK_AT_END;
        }
    }
    if (it->needs_reset && zlib.reset(stream) != Z_OK) return UNPACK_FAILED;
    it->needs_reset = 0;
    stream->next_in = input;
    stream->avail_in = input_count > INT_MAX ? INT_MAX : (unsigned)input_count;
    stream->next_out = output;
    stream->avail_out = output_count > INT_MAX ? INT_MAX : (unsigned)output_count;
    int code = zlib.inflate(stream, 0);
    *taken = (size_t)(stream->next_in - (const unsigned char *)input);
    *given = (size_t)(stream->next_out - (unsigned char *)output);
    it->needs_reset = code == Z_STREAM_END;
    if (code == Z_STREAM_END) return UNPACK_AT_END;
    // Z_BUF_ERROR: nothing could be done with what there was; more input may come.
    if (code == Z_OK || code == Z_BUF_ERROR) return UNPACK_GOES_ON;
    it->message = stream->msg ? stream->msg : "damaged data";
    return UNPACK_FAILED;
}

unpack_state unpack_step(
    unpacker *it, const void *input, size_t input_count, size_t *taken, void *output, size_t output_count, size_t *given) {
    if (it->format == UNPACK_GZIP) return step_gzip(it, input, input_count, taken, output, output_count, given);
    zstd_input in = {input, input_count, 0};
    zstd_output out = {output, output_count, 0};
    size_t code = zstd.decompress(it->zstd, &out, &in);
    *taken = in.pos;
    *given = out.pos;
    if (!zstd.is_error(code)) return code == 0 ? UNPACK_AT_END : UNPACK_GOES_ON;
    it->message = zstd.error_name(code);
    return UNPACK_FAILED;
}

const char *unpack_message(const unpacker *it) { return it->message; }
