#!/usr/bin/env bash
# Training steps, ours and PyTorch's variants in alternation in one run, ratios first:
#   Benchmarks/train.sh [bytes|tokens]... ; ROUNDS=3, STEPS=6, VARIANTS="sequential joint chunked compile", RESULTS=file
# Needs a Python with torch (BENCH_PYTHON, else .bench-venv of Benchmarks/run.sh) and, for `compile`, a C++ compiler.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
foretoken=.build/release/foretoken
python=${BENCH_PYTHON:-.bench-venv/bin/python}
results=${RESULTS:-$(mktemp)}
# glibc keeps large blocks instead of mapping them anew for every tensor.
tuned=GLIBC_TUNABLES=glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=17179869184
declare -A shapes=(
    [bytes]="--vocabulary 256 --width 256 --layers 6 --attention-heads 4 --heads 4 --batch 16 --context 256"
    [tokens]="--vocabulary 32000 --width 384 --layers 8 --attention-heads 6 --heads 4 --batch 8 --context 256"
)
record() { # shape, name, command...
    local line
    line=$("${@:3}" 2>/dev/null | grep '^{' | tail -1) || line=null
    echo "{\"shape\": \"$1\", \"name\": \"$2\", \"result\": ${line:-null}}" >>"$results"
}
for shape in "${@:-bytes tokens}"; do
    for shape in $shape; do
        options="${shapes[$shape]} --threads 2 --steps ${STEPS:-6}"
        for ((round = 1; round <= ${ROUNDS:-3}; round++)); do
            record "$shape" ours "$foretoken" bench train $options --json
            for variant in ${VARIANTS:-sequential joint chunked compile}; do
                record "$shape" "$variant" "$python" Benchmarks/pytorch_train.py $options --variant "$variant"
                record "$shape" "$variant, glibc tuned" env $tuned "$python" Benchmarks/pytorch_train.py $options \
                    --variant "$variant" --memory 0
            done
        done
    done
done
python3 - "$results" <<'PYTHON'
import collections, json, statistics, sys
groups = collections.defaultdict(lambda: collections.defaultdict(list))
for line in open(sys.argv[1]):
    entry = json.loads(line)
    if entry["result"]: groups[entry["shape"]][entry["name"]].append(entry["result"])
middle = lambda results, key: statistics.median([r[key] for r in results if r.get(key) is not None] or [float("nan")])
for shape, names in groups.items():
    ours = names.pop("ours")
    speed, held = middle(ours, "tokensPerSecond"), middle(ours, "transientBytes")
    share = statistics.median(r["gflops"] / r["gemmGflops"] for r in ours)
    print(f"{shape}: ours {speed:.0f} tokens/s, {middle(ours, 'gflops'):.0f} GFLOP/s, {share:.0%} of its products' rate; "
          f"transient {held / 2**20:.0f} MiB; medians of {len(ours)}\n")
    print("| PyTorch | ours ÷ theirs | tokens/s | transient MiB | ours ÷ theirs |\n|---|---|---|---|---|")
    for name, results in names.items():
        peer, bytes_ = middle(results, "tokensPerSecond"), middle(results, "transientBytes")
        print(f"| {name} | {speed / peer:.2f}× | {peer:.0f} | {bytes_ / 2**20:.0f} | {held / bytes_:.0%} |")
    print()
PYTHON
