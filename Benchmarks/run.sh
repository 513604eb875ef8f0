#!/usr/bin/env bash
# `make bench`: training step and decoding of the demo model, Foretoken and PyTorch in alternation, ratios first.
# Needs a Python with torch: BENCH_PYTHON=/path/to/python; by default pip creates the environment .bench-venv.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
foretoken=.build/release/foretoken
python=${BENCH_PYTHON:-}
if [[ -z $python ]]; then
    if [[ ! -x .bench-venv/bin/python ]]; then
        echo "bench: creating .bench-venv with torch (several hundred MB, once)" >&2
        python3 -m venv .bench-venv
        .bench-venv/bin/python -m pip install --quiet torch==2.13.0 numpy
    fi
    python=.bench-venv/bin/python
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$foretoken" prepare Benchmarks scripts Sources --out "$work" --validation-fraction 0.3 >/dev/null
steps=400
for round in 1 2 3; do
    "$foretoken" train Recipes/demo.yaml --out "$work/run-$round" --set training.minutes=null --set training.steps=$steps \
        --set training.logEvery=100 --set training.validationEvery=0 --set training.checkpointEvery=0 \
        --set training.threads=2 --set data.validation=null --set data.train="$work/train.tokens" 2>/dev/null
    "$python" Benchmarks/pytorch_train.py --head-kind linear --inner 352 --steps $steps >"$work/torch-train-$round.json"
    "$foretoken" evaluate decoding --model "$work/run-$round" --data "$work/validation.tokens" --prompt-tokens 32 \
        --prompts 3 --max-tokens 200 --json >"$work/ours-decode-$round.json"
    "$python" Benchmarks/pytorch_reference.py >"$work/torch-decode-$round.json"
done
python3 - "$work" <<'PYTHON'
import json, statistics, sys
work = sys.argv[1]
load = lambda name: json.load(open(f"{work}/{name}.json"))
rounds = (1, 2, 3)
def ours_train(r):
    records = [json.loads(line) for line in open(f"{work}/run-{r}/metrics.jsonl")]
    speeds = [x["tokensPerSecond"] for x in records if x["kind"] == "train"][1:]
    return statistics.median(speeds)
ours = [ours_train(r) for r in rounds]
peer = [load(f"torch-train-{r}")["tokensPerSecond"] for r in rounds]
decode = [load(f"ours-decode-{r}") for r in rounds]
peer_decode = [load(f"torch-decode-{r}")["tokensPerSecond"] for r in rounds]
median = statistics.median
def row(what, a, b):
    print(f"{what:38} {median(x / y for x, y in zip(a, b)):5.2f}x   {median(a):8.0f} / {median(b):.0f} tokens/s")
print("medians of 3 rounds in alternation, 2 threads, the shape of Recipes/demo.yaml; ours / PyTorch", load("torch-train-1")["torch"])
row("training step (sequential, AdamW)", ours, peer)
row("decoding, next-token, KV cache", [d["nextTokenTokensPerSecond"] for d in decode], peer_decode)
row("decoding, self-speculative", [d["speculativeTokensPerSecond"] for d in decode], peer_decode)
print(f"tokens per forward here: {median(d['tokensPerForward'] for d in decode):.2f} (a model of {400} steps)")
PYTHON
