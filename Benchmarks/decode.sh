#!/usr/bin/env bash
# Next-token decoding and multi-token passes: Foretoken, llama.cpp and PyTorch in alternation, ratios first:
#   Benchmarks/decode.sh [110M|1B]...
# ROUNDS=3, SECONDS_EACH=4, FORMATS="f32 bf16 int8", TOKENS=40 (for PyTorch).
# RESULTS=FILE appends the results to a file; on a shared machine, several short calls can be combined into one table.
# Needs a Python with torch (BENCH_PYTHON, default .bench-venv of Benchmarks/run.sh) and one with llama-cpp-python and gguf
# (LLAMA_PYTHON; `pip install llama-cpp-python gguf` compiles llama.cpp in about ten minutes); without it llama.cpp is skipped.
# GGUF=FOLDER keeps the models with random weights for llama.cpp, 8 GB for 1B.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
foretoken=${FORETOKEN:-.build/release/foretoken}
python=${BENCH_PYTHON:-.bench-venv/bin/python}
llama=${LLAMA_PYTHON:-$python}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
results=${RESULTS:-$work/results}
gguf=${GGUF:-$work}
declare -A shapes=(
    [110M]="--vocabulary 32000 --width 768 --layers 12 --attention-heads 12"
    [1B]="--vocabulary 32000 --width 2048 --layers 22 --attention-heads 32 --key-value-heads 4"
)
declare -A theirs=([f32]=f32 [bf16]=bf16 [int8]=q8_0)
record() { # shape, format, name, command...
    local line
    echo "bench: $1, $2, $3, round $round" >&2
    line=$("${@:4}" 2>/dev/null | grep '^{' | tail -1) || line=null
    echo "{\"shape\": \"$1\", \"weights\": \"$2\", \"name\": \"$3\", \"result\": ${line:-null}}" >>"$results"
}
[[ $# -gt 0 ]] || set -- 110M 1B
seconds="--seconds ${SECONDS_EACH:-4}"
for shape in "$@"; do
    read -ra options <<<"${shapes[$shape]:?} --threads 2"
    for format in ${FORMATS:-f32 bf16 int8}; do
        for ((round = 1; round <= ${ROUNDS:-3}; round++)); do
            record "$shape" "$format" ours "$foretoken" bench decode "${options[@]}" --heads 1 --weights "$format" $seconds --json
            if "$llama" -c 'import llama_cpp, gguf' 2>/dev/null; then
                record "$shape" "$format" llama.cpp "$llama" Benchmarks/llama_cpp_decode.py "${options[@]}" \
                    --type "${theirs[$format]}" --folder "$gguf" $seconds
            fi
            [[ $format == f32 ]] || continue
            record "$shape" "$format" "PyTorch eager" "$python" Benchmarks/pytorch_reference.py "${options[@]}" --heads 1 \
                --head-kind parallel --inner 0 --context 512 --filled 128 --tokens "${TOKENS:-40}"
        done
    done
done
python3 Benchmarks/decode_table.py "$results"
