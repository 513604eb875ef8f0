#!/usr/bin/env bash
# Training steps, Foretoken and variants in PyTorch in alternation, ratios first:
#   Benchmarks/train.sh [bytes|tokens|wide]...
# ROUNDS=3, STEPS=3, WARM_UP=2 (for PyTorch), VARIANTS="next-token sequential joint compile chunked", MEMORY=0: speed only.
# RESULTS=FILE appends the results to a file; on a shared machine, several short calls can be combined into one table.
# Needs a Python with torch (BENCH_PYTHON, default .bench-venv of Benchmarks/run.sh) and, for `compile`, a C++ compiler.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
foretoken=${FORETOKEN:-.build/release/foretoken}
python=${BENCH_PYTHON:-.bench-venv/bin/python}
results=${RESULTS:-$(mktemp)}
# Keeps glibc from unmapping large blocks after every tensor.
tuned=GLIBC_TUNABLES=glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=17179869184
declare -A shapes=(
    [bytes]="--vocabulary 256 --width 256 --layers 6 --attention-heads 4 --batch 16 --context 256"
    [tokens]="--vocabulary 32000 --width 384 --layers 8 --attention-heads 6 --batch 8 --context 256"
    [wide]="--vocabulary 8192 --width 768 --layers 6 --attention-heads 12 --batch 2 --context 256"
)
record() { # shape, name, command...
    local line
    echo "bench: $1, $2, round $round" >&2
    line=$("${@:3}" 2>/dev/null | grep '^{' | tail -1) || line=null
    echo "{\"shape\": \"$1\", \"name\": \"$2\", \"result\": ${line:-null}}" >>"$results"
}
[[ $# -gt 0 ]] || set -- bytes tokens wide
for shape in "$@"; do
    read -ra options <<<"${shapes[$shape]:?} --threads 2 --steps ${STEPS:-3}"
    for ((round = 1; round <= ${ROUNDS:-3}; round++)); do
        record "$shape" ours "$foretoken" bench train "${options[@]}" --heads 4 --json
        for variant in ${VARIANTS:-next-token sequential joint compile chunked}; do
            if [[ $variant == next-token ]]; then
                record "$shape" "ours, n = 1" "$foretoken" bench train "${options[@]}" --heads 1 --no-gemm --json
                continue
            fi
            peer=("$python" Benchmarks/pytorch_train.py "${options[@]}" --heads 4 --variant "$variant" --warm-up "${WARM_UP:-2}")
            # Byte counts are exact, so they are measured once.
            record "$shape" "$variant" "${peer[@]}" --memory $((round == 1 && ${MEMORY:-1}))
            record "$shape" "$variant, glibc tuned" env $tuned "${peer[@]}" --memory 0
        done
    done
done
python3 Benchmarks/train_table.py "$results"
