#!/usr/bin/env bash
# Next-token decoding and passes of several tokens: ours, llama.cpp's and PyTorch's in alternation, ratios first:
#   Benchmarks/decode.sh [110M|1B]...
# ROUNDS=3, SECONDS_EACH=4, FORMATS="f32 bf16 int8", TOKENS=40 (PyTorch's).
# RESULTS=FILE keeps the figures and adds to those there: on a shared machine, many short calls make one table.
# Needs a Python with torch (BENCH_PYTHON, else .bench-venv of Benchmarks/run.sh) and one with llama-cpp-python and gguf
# (LLAMA_PYTHON; `pip install llama-cpp-python gguf` compiles llama.cpp, some ten minutes): without it that side is left out.
# GGUF=FOLDER keeps the models of random weights that llama.cpp reads, 8 GB for 1B.
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
