#ifdef FORETOKEN_SENTENCEPIECE

#include "CSentencePiece.h"

#if !__has_include(<sentencepiece_processor.h>)
#error "the trait SentencePiece needs the SentencePiece library: apt-get install libsentencepiece-dev (Fedora: dnf install sentencepiece-devel)"
#endif

#include <sentencepiece_processor.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

struct csp_model {
    sentencepiece::SentencePieceProcessor processor;
};

namespace {

// Calls `body`; no C++ exception crosses into Swift.
template <typename Result, typename Body>
Result guarded(Result failure, Body body) {
    try {
        return body();
    } catch (...) {
        return failure;
    }
}

// A copy that C can free; null for an empty one too, which nobody reads.
template <typename Element>
Element *copied(const Element *elements, size_t count) {
    auto *memory = static_cast<Element *>(std::malloc(std::max<size_t>(1, count * sizeof(Element))));
    if (memory == nullptr) throw std::bad_alloc();
    if (count > 0) std::memcpy(memory, elements, count * sizeof(Element));
    return memory;
}

bool is_piece(const csp_model *model, int32_t id) { return id >= 0 && id < model->processor.GetPieceSize(); }

}  // namespace

extern "C" {

csp_model *csp_load(const void *bytes, size_t count, char *error, size_t capacity) {
    auto say = [&](const std::string &reason) {
        if (capacity == 0) return;
        const size_t length = std::min(capacity - 1, reason.size());
        std::memcpy(error, reason.data(), length);
        error[length] = 0;
    };
    csp_model *model = nullptr;
    try {
        model = new csp_model();
        const auto status = model->processor.LoadFromSerializedProto({static_cast<const char *>(bytes), count});
        if (status.ok()) return model;
        say(status.ToString());
    } catch (const std::exception &failure) {
        say(failure.what());
    }
    delete model;
    return nullptr;
}

void csp_release(csp_model *model) { delete model; }

int32_t csp_size(const csp_model *model) { return model->processor.GetPieceSize(); }
int32_t csp_begin(const csp_model *model) { return model->processor.bos_id(); }
int32_t csp_end(const csp_model *model) { return model->processor.eos_id(); }

int32_t csp_kind(const csp_model *model, int32_t id) {
    if (!is_piece(model, id)) return -1;
    if (model->processor.IsControl(id)) return CSP_CONTROL;
    if (model->processor.IsUnknown(id)) return CSP_UNKNOWN;
    if (model->processor.IsUnused(id)) return CSP_UNUSED;
    return model->processor.IsByte(id) ? CSP_BYTE : CSP_NORMAL;
}

int64_t csp_piece(const csp_model *model, int32_t id, char *buffer, size_t capacity) {
    if (!is_piece(model, id)) return -1;
    const std::string &piece = model->processor.IdToPiece(id);
    std::memcpy(buffer, piece.data(), std::min(capacity, piece.size()));
    return static_cast<int64_t>(piece.size());
}

int64_t csp_encode(const csp_model *model, const char *text, size_t count, int32_t **ids) {
    return guarded<int64_t>(-1, [&]() -> int64_t {
        std::vector<int> found;
        if (!model->processor.Encode({text, count}, &found).ok()) return -1;
        *ids = copied<int32_t>(found.data(), found.size());
        return static_cast<int64_t>(found.size());
    });
}

int64_t csp_decode(const csp_model *model, const int32_t *ids, size_t count, char **text) {
    return guarded<int64_t>(-1, [&]() -> int64_t {
        std::string found;
        if (!model->processor.Decode(std::vector<int>(ids, ids + count), &found).ok()) return -1;
        *text = copied<char>(found.data(), found.size());
        return static_cast<int64_t>(found.size());
    });
}

void csp_free(void *memory) { std::free(memory); }

}  // extern "C"

#endif
