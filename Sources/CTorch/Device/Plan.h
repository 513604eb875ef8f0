// A pass before any of it runs: its operations, where each finds its input, and all numbers that the device needs for it.
//
// Two passes with the same key differ only in `numbers`, `floats` and the addresses on the host where results go: a recording
// of one serves the other.
#pragma once

#include <utility>
#include <vector>

#include "Device.h"

namespace ct::passes {

// A part of the numbers: `count` of them from `start` on.
struct Range {
    int64_t start, count;
};

// Queries that attend in one call: `sequences` of them with `queries` each, filled up with copies of a first one.
struct Group {
    int64_t sequences, queries, pages;
    Range rows;    // [sequences · queries]: which of the output rows
    Range slots;   // [sequences · queries]: the last that each may see
    Range tables;  // [layers, sequences · pages]
};

// The attention metadata of the rows of blocks, the same for all layers.
struct AttentionMetadata {
    const ct_decode_row *row_table;
    int64_t rows, outputs, layers;
    at::Tensor keys, values;  // of all pages
    Range positions;     // [rows]
    Range slot_mapping;  // [layers, rows]: indices among all slots of all pages
    std::vector<Group> groups;
    Range order;  // [outputs]: where each output row is among those of all groups
};

struct Step {
    int32_t kind;
    int64_t rows, outputs, layer;
    const ct_decode_block *block;
    ct_tensor weight;
    const float *norm;
    int64_t input;  // the number of floats before it in the output of step `source`, or, if that is -1, in the floats
    int64_t source;
    size_t metadata;  // of a block
};

struct Plan {
    std::vector<Step> steps;
    std::vector<AttentionMetadata> metadata;
    std::vector<int64_t> numbers;
    std::vector<std::pair<const float *, int64_t>> floats;  // on the host, one part after another
    int64_t float_count = 0;
    std::vector<std::pair<size_t, float *>> results;  // of which step, and where on the host to
    std::vector<int64_t> key;
    int32_t taken = 0;  // how many operations it has; the rest need results on the host first

    Plan(const ct_decoder_s &decoder, const ct_decode_cache_s &cache, const ct_decode_op *ops, int32_t count);
};

}  // namespace ct::passes
