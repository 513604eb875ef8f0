"""Headers that the reference implementation accepts or refuses: `python make_headers.py` with safetensors 0.8.0.

headers.json: each header in base64, whether safetensors.deserialize accepts it with four bytes of data, and, where Foretoken is
stricter on purpose, why.
"""

import base64
import json
import struct
from pathlib import Path

from safetensors import deserialize

INNER = '"dtype":"F32","shape":[1],"data_offsets":[0,4]'
ENTRY = '"a":{' + INNER + "}"
cases = [
    "{" + ENTRY + "}", " {" + ENTRY + "}", "\n\t\r {" + ENTRY + "}", "{" + ENTRY + "}  ", "{" + ENTRY + "}\n",
    "{" + ENTRY + "}\t\r", "{" + ENTRY + "}\0", "{" + ENTRY + "}x", "\ufeff{" + ENTRY + "}", "\f{" + ENTRY + "}",
    '{\n "a" : { "dtype" : "F32" ,\t"shape" : [ 1 ] , "data_offsets" : [ 0 , 4 ] } }', "[]", "null", "",
]
for metadata in ["null", "{}", '{"x":"y"}', '{"x":"1","x":"2"}', '{"x":1}', '{"x":null}', '{"x":{}}', '"x"', "[]", "1", "nul", "nulll"]:
    cases += ['{"__metadata__":' + metadata + "," + ENTRY + "}", "{" + ENTRY + ',"__metadata__":' + metadata + "}"]
for first in ["null", "{}"]:
    cases.append('{"__metadata__":' + first + ',"__metadata__":{"y":"2"},' + ENTRY + "}")
for value in [
    "1", "-1.5e3", "null", "true", "false", '"x"', '"\\u00e9\\n"', "[]", "{}", '[1,{"y":[null,"z"]},[]]', '{"y":1,"y":2}',
    "1e999", "9" * 400, "01", "-", "1.", ".5", "NaN", "Infinity", "tru", "'x'", '"\n"', '"\\ud800"', '"\\ud83d\\ude00"',
    '"\\x"', "[1,]", '{"y":1,}', '{"y"}', "[", "{", "", "1 2", "[" * 125 + "]" * 125, "[" * 126 + "]" * 126,
    "[" * 100000, '{"y":' * 125 + "1" + "}" * 125, '{"y":' * 126 + "1" + "}" * 126,
]:
    cases += ['{"a":{"x":' + value + "," + INNER + "}}", '{"a":{' + INNER + ',"x":' + value + "}}"]
cases += ['{"a":{"x":1,"x":2,' + INNER + "}}", '{"a":{"":1,' + INNER + "}}", '{"a":{"DTYPE":"F16",' + INNER + "}}"]
for field in ['"dtype":"F32"', '"shape":[1]', '"data_offsets":[0,4]']:
    cases += ['{"a":{' + INNER + "," + field + "}}", '{"a":{' + INNER.replace(field, '"z":0') + "}}"]
STRICTER = {
    "{" + ENTRY + "," + ENTRY + "}": "the reference keeps the second of two tensors with one name",
    '{"a":["F32",[1],[0,4]]}': "no program writes entries as arrays",
    '{"a":{' + INNER.replace('"F32"', '{"F32":null}') + "}}": "no program writes types as objects",
    '{"a":{' + INNER.replace("[1]", "[" + ",".join(["1"] * 65) + "]") + "}}": "NumPy's limit is 64 dimensions",
}
rows = []
for header in cases + list(STRICTER):
    raw = header.encode()
    try:
        deserialize(struct.pack("<Q", len(raw)) + raw + b"\0" * 4)
        accepted = True
    except Exception:
        accepted = False
    # The longest is made by the test itself.
    if len(raw) < 10_000:
        rows.append({"header": base64.b64encode(raw).decode(), "accepted": accepted, "stricter": STRICTER.get(header)})
raw = b"\xff".join(b.encode() for b in ['{"a":{"x":"', '",' + INNER + "}}"])
rows.append({"header": base64.b64encode(raw).decode(), "accepted": False, "stricter": None})
Path("headers.json").write_text(json.dumps(rows, indent=0) + "\n")
print(len(rows), sum(row["accepted"] for row in rows))
