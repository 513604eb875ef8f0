"""Makes the GGUF files of these tests with the `gguf` package (0.19.0) and NumPy: `python make.py` in this folder.

types.gguf     random blocks of every type that is read, one tensor a type; a name is the type's
types.f32      their weights by `gguf.quants.dequantize`, float32, in the order of the tensors
values.gguf    a metadata value of every type, and arrays of every type
"""

import gguf
import numpy as np
from gguf import GGMLQuantizationType as T
from gguf import GGUFValueType as V

random = np.random.default_rng(23)
ROWS, BLOCKS = 3, 2


def half_positions(kind):
    """Where the float16 scales of a block lie."""
    return {T.Q4_1: [0, 2], T.Q5_1: [0, 2], T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208]}.get(kind, [0])


def blocks(kind):
    size, count = gguf.GGML_QUANT_SIZES[kind]
    data = random.integers(0, 256, (ROWS * BLOCKS, count), dtype=np.uint8)
    for position in half_positions(kind):
        # Finite scales, small, large and subnormal.
        scales = (random.standard_normal(ROWS * BLOCKS) * 10.0 ** random.integers(-7, 4, ROWS * BLOCKS)).astype(np.float16)
        data[:, position : position + 2] = scales.view(np.uint8).reshape(-1, 2)
    return data.reshape(ROWS, BLOCKS * count)


writer = gguf.GGUFWriter("types.gguf", "llama")
expected = []
for kind in [T.F32, T.F16, T.BF16, T.Q8_0, T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.Q4_K, T.Q5_K, T.Q6_K]:
    if kind in (T.F32, T.F16, T.BF16):
        floats = random.standard_normal((ROWS, 7)).astype(np.float32)
        data = gguf.quants.quantize(floats, kind)
    else:
        data = blocks(kind)
    shown = gguf.quants.dequantize(data.view(np.uint8) if kind == T.BF16 else data, kind)
    expected.append(np.asarray(shown, dtype=np.float32).ravel())
    writer.add_tensor(kind.name, data, raw_dtype=kind if kind not in (T.F32, T.F16) else None)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
np.concatenate(expected).tofile("types.f32")

writer = gguf.GGUFWriter("values.gguf", "llama")
numbers = {
    V.UINT8: 200, V.INT8: -100, V.UINT16: 60000, V.INT16: -30000, V.UINT32: 4000000000, V.INT32: -2000000000,
    V.UINT64: 9000000000000000000, V.INT64: -9000000000000000000,
}
for kind, number in numbers.items():
    writer.add_key_value(kind.name, number, kind)
    writer.add_key_value("array." + kind.name, [number, 1], V.ARRAY, sub_type=kind)
writer.add_float32("FLOAT32", 0.1)
writer.add_float64("FLOAT64", 0.1)
writer.add_bool("BOOL", True)
writer.add_string("STRING", "é")
writer.add_key_value("NOT_UTF8", b"\xff\xfe", V.STRING)
writer.add_array("array.FLOAT32", [0.5, -2.0])
writer.add_array("array.STRING", ["a", "", "e\u0301"])
writer.add_array("array.BOOL", [True, False])
writer.add_array("array.ARRAY", [[1, 2], [3]])
# Two keys that Swift's strings do not tell apart.
writer.add_uint32("\u00e9", 1)
writer.add_uint32("e\u0301", 2)
writer.add_custom_alignment(64)
writer.add_tensor("a", np.arange(6, dtype=np.float32).reshape(2, 3))
writer.add_tensor("b", np.arange(5, dtype=np.float16))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
