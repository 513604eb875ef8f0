#!/usr/bin/env bash
# Throughput and time to first token of foretoken-server, beside llama.cpp's server on the same weights, in alternation:
#   MODEL=SmolLM2.gguf Benchmarks/serve.sh [WEIGHTS]...
# WEIGHTS: f32, bf16, int8 (llama.cpp: Q8_0); all if omitted. CLIENTS="1 4 16 64", ROUNDS=3, TOKENS=64, WORDS=100
# (of each prompt), PER_CLIENT=2 (requests), THREADS=2.
# SERVER: foretoken-server (default .build-server/release/foretoken-server). LLAMA_SERVER: llama.cpp's; it is left out if unset.
# BODY: further keys of every request to foretoken-server, as JSON, such as {"speculative": false}.
# GGUF=FOLDER keeps the weights that are converted for llama.cpp. Prints one JSON object per measurement.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
server=${SERVER:-.build-server/release/foretoken-server}
foretoken=${FORETOKEN:-.build/release/foretoken}
model=${MODEL:-Models/python-bytes}
work=$(mktemp -d)
gguf=${GGUF:-$work}
pid=
trap '[[ -z $pid ]] || kill "$pid" 2>/dev/null; rm -rf "$work"' EXIT
declare -A theirs=([f32]=f32 [bf16]=bf16 [int8]=q8_0)
port=18765
start() { # COMMAND...: starts a server and waits until it is ready
    "$@" >"$work/log" 2>&1 &
    pid=$!
    for ((i = 0; i < 600; i++)); do
        curl -sf "http://127.0.0.1:$port/health" >/dev/null && return
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    tail -5 "$work/log" >&2
    exit 1
}
measure() { # NAME WEIGHTS BODY
    local clients line requests
    for clients in ${CLIENTS:-1 4 16 64}; do
        requests=$((clients < 4 ? 4 : clients * ${PER_CLIENT:-2}))
        seed=$((seed + 1000))
        line=$(python3 Benchmarks/serve_load.py "http://127.0.0.1:$port" --clients "$clients" --requests "$requests" \
            --tokens "${TOKENS:-64}" --words "${WORDS:-100}" --seed "$seed" --body "$3")
        echo "{\"name\": \"$1\", \"weights\": \"$2\", \"round\": $round, \"result\": $line}"
    done
    kill "$pid"
    wait "$pid" 2>/dev/null || true
    pid=
}
[[ $# -gt 0 ]] || set -- f32 bf16 int8
seed=0
for weights in "$@"; do
    for ((round = 1; round <= ${ROUNDS:-3}; round++)); do
        start "$server" --model "$model" --port "$port" --weights "$weights" --threads "${THREADS:-2}" --parallel 64 \
            --cache-mib 8192 --log-level error
        measure foretoken "$weights" "${BODY:-{\}}"
        [[ -n ${LLAMA_SERVER:-} ]] || continue
        file=$gguf/${theirs[$weights]}.gguf
        [[ -f $file ]] || "$foretoken" convert "$model" "$file" --to gguf --drop-heads --dtype "${theirs[$weights]}" >&2
        start "$LLAMA_SERVER" -m "$file" --port "$port" -t "${THREADS:-2}" -tb "${THREADS:-2}" -np 64 -c 32768 -kvu --no-ui
        measure llama.cpp "$weights" '{}'
    done
done
