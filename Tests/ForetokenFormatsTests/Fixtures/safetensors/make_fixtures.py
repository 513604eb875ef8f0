"""Makes the fixtures beside it with the reference implementation, so that our reader is tested against its files.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install safetensors==0.8.0 numpy==2.4.6
    /tmp/venv/bin/python make_fixtures.py

Files:
  dtypes.safetensors   one [2, 4] tensor of every element type, its bytes counting up from the type's place in the list;
                       a scalar and two empty tensors; metadata; a name that JSON must escape
  dtypes.tsv           what the reference reads in it: name, dtype, shape, bytes in hexadecimal, in file order
  values.safetensors   float32, float16, int64 and bool arrays of known values, saved by safetensors.numpy
  sharded/             a checkpoint in two files with an index, in the form of transformers' save_pretrained
  python.json          what Python's json writes with indent=2, for our JSON writer
  python-compact.json  the same value without spaces
"""

import ctypes
import json
import os
import struct

import numpy
from safetensors import TensorSpec, deserialize, serialize
from safetensors.numpy import save_file

here = os.path.dirname(os.path.abspath(__file__))

# The reference's Python names of its element types, with the bits each takes.
TYPES = [
    ("bool", 8), ("float4_e2m1fn_x2", 4), ("uint8", 8), ("int8", 8), ("float8_e5m2", 8), ("float8_e4m3fn", 8),
    ("float8_e8m0fnu", 8), ("float8_e4m3fnuz", 8), ("float8_e5m2fnuz", 8), ("int16", 16), ("uint16", 16),
    ("float16", 16), ("bfloat16", 16), ("int32", 32), ("uint32", 32), ("float32", 32), ("complex64", 64),
    ("float64", 64), ("int64", 64), ("uint64", 64),
]


def path(name):
    return os.path.join(here, name)


def make_dtypes():
    keep, tensors = [], {}

    def add(name, dtype, shape, data):
        buffer = ctypes.create_string_buffer(data, max(len(data), 1))
        keep.append(buffer)
        tensors[name] = TensorSpec(dtype=dtype, shape=shape, data_ptr=ctypes.addressof(buffer), data_len=len(data))

    for place, (dtype, bits) in enumerate(TYPES):
        size = 8 * bits // 8
        data = bytes((place + i) % (2 if dtype == "bool" else 256) for i in range(size))
        # The reference takes a packed shape for its two-to-a-byte type and writes it in elements.
        add(f"type.{dtype}", dtype, [2, 2] if bits == 4 else [2, 4], data)
    add("scalar", "float32", [], struct.pack("<f", 0.5))
    add("empty", "float32", [3, 0, 2], b"")
    add("also empty", "int64", [0], b"")
    add('quote " backslash \\ tab \t é 日本 🦙', "uint8", [1], b"\x2a")
    blob = serialize(tensors, {"format": "np"})
    with open(path("dtypes.safetensors"), "wb") as file:
        file.write(blob)
    # deserialize gives no dtype below a byte and no order, so the table is read from the header and checked with it.
    count = struct.unpack("<Q", blob[:8])[0]
    header = json.loads(blob[8 : 8 + count])
    read = dict(deserialize(blob))
    rows = []
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        data = blob[8 + count + begin : 8 + count + end]
        assert bytes(read[name]["data"]) == data, name
        rows.append((begin, end, "\t".join(
            [json.dumps(name), entry["dtype"], ",".join(map(str, entry["shape"])), data.hex()])))
    with open(path("dtypes.tsv"), "w") as file:
        file.write("".join(row + "\n" for _, _, row in sorted(rows, key=lambda row: row[:2])))


def make_values():
    save_file(
        {
            "float32": numpy.array([[0.0, -1.5, 3.25], [1e-30, numpy.inf, 2.0**-149]], dtype=numpy.float32),
            "float16": numpy.array([1.0, -2.0, 65504.0], dtype=numpy.float16),
            "int64": numpy.array([-(2**63), -1, 2**63 - 1]),
            "bool": numpy.array([True, False, True]),
        },
        path("values.safetensors"), metadata={"made by": "safetensors.numpy"})


def make_sharded():
    os.makedirs(path("sharded"), exist_ok=True)
    shards = {
        "model-00001-of-00002.safetensors": {
            "model.embed_tokens.weight": numpy.arange(12, dtype=numpy.float32).reshape(4, 3),
            "model.layers.0.input_layernorm.weight": numpy.ones(3, dtype=numpy.float32),
        },
        "model-00002-of-00002.safetensors": {"lm_head.weight": -numpy.arange(12, dtype=numpy.float32).reshape(4, 3)},
    }
    for name, tensors in shards.items():
        save_file(tensors, path(f"sharded/{name}"), metadata={"format": "pt"})
    index = {
        "metadata": {"total_size": sum(array.nbytes for tensors in shards.values() for array in tensors.values())},
        "weight_map": {tensor: name for name, tensors in shards.items() for tensor in tensors},
    }
    with open(path("sharded/model.safetensors.index.json"), "w") as file:
        file.write(json.dumps(index, indent=2, sort_keys=True) + "\n")


def make_json():
    value = {
        "text": 'quote " backslash \\ slash / newline \n bell \x07 é 日本 🦙',
        "integers": [0, 1, -1, 2**63 - 1, -(2**63)],
        "numbers": [0.0, -0.0, 1.0, 0.1, 1e-05, 1e16, 1.7976931348623157e308, 5e-324, 1 / 3, 10000.0, 123456789.125],
        "nothing": [None, True, False, [], {}, ""],
        "nested": {"a": [{"b": [[1], []]}]},
    }
    with open(path("python.json"), "w") as file:
        file.write(json.dumps(value, indent=2, ensure_ascii=False))
    with open(path("python-compact.json"), "w") as file:
        file.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


make_dtypes()
make_values()
make_sharded()
make_json()
