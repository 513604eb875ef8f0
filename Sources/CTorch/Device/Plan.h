// The plan of a pass: its operations, the source of each input, and all metadata for the device.
//
// Plans with the same key differ only in `numbers`, `floats` and the host addresses of results, so a recording of one can be
// used for the other.
#pragma once

#include <utility>
#include <vector>

#include "Device.h"

namespace ct::passes {

// A slice of `Plan::numbers`.
struct Range {
    int64_t start, count;
};

// Queries of one attention call: `queries` for each of `sequences`, padded with copies of the sequence's first query.
struct Group {
    int64_t sequences, queries, pages;
    Range rows;    // [sequences · queries]: indices of output rows
    Range slots;   // [sequences · queries]: the last slot that each query attends to
    Range tables;  // [layers, sequences · pages]: page tables
};

// The attention metadata of the rows of a pass, shared by all layers.
struct AttentionMetadata {
    const ct_decode_row *row_table;
    int64_t rows, outputs, layers;
    at::Tensor keys, values;  // the whole cache
    Range positions;     // [rows]
    Range slot_mapping;  // [layers, rows]: slots in the flattened cache
    std::vector<Group> groups;
    Range order;  // [outputs]: index of each output row in the concatenated groups
};

struct Step {
    int32_t kind;
    int64_t rows, outputs, layer;
    const ct_decode_block *block;
    ct_tensor weight;
    const float *norm;
    int64_t input;    // offset of the input in the output of step `source`, or in `Plan::floats` if `source` is -1
    int64_t source;
    size_t metadata;  // for a block
};

struct Plan {
    std::vector<Step> steps;
    std::vector<AttentionMetadata> metadata;
    std::vector<int64_t> numbers;                           // all integer metadata
    std::vector<std::pair<const float *, int64_t>> floats;  // host inputs, concatenated on the device
    int64_t float_count = 0;
    std::vector<std::pair<size_t, float *>> results;  // step, and host address of its result
    std::vector<int64_t> key;
    int32_t taken = 0;  // number of operations included; the remaining ones need results on the host first

    Plan(const ct_decoder_s &decoder, const ct_decode_cache_s &cache, const ct_decode_op *ops, int32_t count);
};

}  // namespace ct::passes
