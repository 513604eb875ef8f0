"""Writes the fixtures beside it with PyTorch (made with 2.13.0): python make_fixtures.py

Each NAME.pth is what torch.save writes; expected.json holds every tensor's type, shape and elements in row-major order.
"""
import collections
import json
import pathlib

import torch

here = pathlib.Path(__file__).parent
torch.manual_seed(1)


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(3, 2, dtype=torch.float16)
        self.norm = torch.nn.LayerNorm(4)
        self.register_buffer("steps", torch.tensor(7))


base = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4) / 4
half = torch.arange(12).to(torch.bfloat16).reshape(3, 4)
views = {
    "whole": base, "transposed": base.transpose(0, 2), "slice": base[1:, 1:, ::2], "row": base[1, 2], "one": base[1, 2, 3],
    "flat again": base.reshape(-1)[5:17], "half": half, "half columns": half[:, 1:3], "half transposed": half.t(),
    "single column": base[:, :, 1:2],
}
types = {str(t).split(".")[1]: torch.tensor([0, 1, 2, 100]).to(t) for t in [
    torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16, torch.bfloat16, torch.float32,
    torch.float64, torch.bool]}
types |= {"scalar": torch.tensor(2.5), "empty": torch.empty(0, 3), "parameter": torch.nn.Parameter(torch.tensor([1.5])),
          "ключ 🔑": torch.tensor([1.0]), "big number": torch.tensor([2**40])}
files = {
    "views": views,
    "types": types,
    "state_dict": Block().state_dict(),
    "kept_vars": Block().state_dict(keep_vars=True),
    "ordered": collections.OrderedDict(a=base[0], b=base[1]),
}
expected = {}
for name, value in files.items():
    torch.save(value, here / f"{name}.pth")
    expected[name] = {
        key: {"dtype": str(t.dtype).split(".")[1], "shape": list(t.shape), "elements": t.detach().double().flatten().tolist()}
        for key, t in value.items()}
torch.serialization.set_crc32_options(False)
torch.save(files["ordered"], here / "without_checksums.pth")
expected["without_checksums"] = expected["ordered"]
(here / "expected.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")
