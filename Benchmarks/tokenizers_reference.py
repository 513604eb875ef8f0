"""Hugging Face's `tokenizers` on one thread, for Benchmarks/tokenizer.sh: python tokenizers_reference.py TOKENIZER FILES..."""
import hashlib
import json
import os
import statistics
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import tokenizers  # noqa: E402

begin = time.perf_counter()
tokenizer = tokenizers.Tokenizer.from_file(sys.argv[1])
load = time.perf_counter() - begin
tokenizer.encode_special_tokens = True
documents = [open(name, newline="", encoding="utf-8").read() for name in sys.argv[2:]]
megabytes = sum(len(d.encode()) for d in documents) / 1e6


def single():
    return [tokenizer.encode(d, add_special_tokens=False) for d in documents]


def batch():  # without offsets
    return tokenizer.encode_batch_fast(documents, add_special_tokens=False)


def speeds(encode, rounds=3):
    result = []
    for _ in range(rounds):
        begin = time.perf_counter()
        encode()
        result.append(megabytes / (time.perf_counter() - begin))
    return result


first, *rest = speeds(batch)
hash = hashlib.sha256()
count = 0
for encoding in batch():
    count += len(encoding.ids)
    for token in encoding.ids:
        hash.update(token.to_bytes(4, "little"))
print(json.dumps({
    "version": tokenizers.__version__, "megabytes": megabytes, "tokens": count, "firstMegabytesPerSecond": first,
    "megabytesPerSecond": statistics.median(rest), "encodeMegabytesPerSecond": statistics.median(speeds(single, 2)),
    "loadSeconds": load, "digest": hash.hexdigest()}))
