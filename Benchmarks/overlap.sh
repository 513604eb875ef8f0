#!/usr/bin/env bash
# The gain from overlapping gradient communication with the backward pass on a slow link: two ranks in network namespaces,
# connected at RATE (tc's token bucket), the same steps with and without overlap in alternation. Needs root and iproute2.
#
#   bash Benchmarks/overlap.sh [RATE] [ROUNDS]
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
rate=${1:-1gbit} rounds=${2:-1} steps=8
foretoken=${FORETOKEN:-$PWD/.build/release/foretoken}
work=$(mktemp -d)
a=fo$$a b=fo$$b
trap 'kill $(jobs -p) 2> /dev/null || true; ip netns del $a; ip netns del $b; rm -rf "$work"' EXIT
for name in $a $b; do ip netns add $name && ip -n $name link set lo up; done
ip link add $a type veth peer name $b
for side in "$a 1" "$b 2"; do
    read -r name host <<< "$side"
    ip link set "$name" netns "$name"
    ip -n "$name" addr add "10.78.9.$host/24" dev "$name"
    ip -n "$name" link set "$name" up
    tc -n "$name" qdisc add dev "$name" root tbf rate "$rate" burst 256kbit latency 400ms
done

"$foretoken" prepare Sources --extension swift --out "$work/data" > "$work/log" 2>&1
cat > "$work/recipe.yaml" <<RECIPE
data: { train: $work/data/train.tokens }
model: { width: 256, layers: 8, attentionHeads: 4, heads: 4, contextLength: 256 }
training: { steps: $steps, batchSize: 8, checkpointEvery: 0, logEvery: 1, threads: 1 }
RECIPE

train() { # NAME OPTION...
    local name=$1
    shift
    export WORLD_SIZE=2 MASTER_ADDR=10.78.9.1 MASTER_PORT=29500
    RANK=1 LOCAL_RANK=0 ip netns exec $b "$foretoken" train "$work/recipe.yaml" --out "$work/$name" "$@" &
    RANK=0 LOCAL_RANK=0 ip netns exec $a "$foretoken" train "$work/recipe.yaml" --out "$work/$name" \
        --trace "${TRACE:-$work/trace.json}" "$@" 2> "$work/log"
    wait $!
    python3 - "$work/$name/metrics.jsonl" << 'TABLE'
import json, statistics, sys
records = [json.loads(line) for line in open(sys.argv[1])]
speeds = [r["tokensPerSecond"] for r in records if r["kind"] == "train" and r["step"] > 2]
print(f"{8 * 256 / statistics.median(speeds) * 1000:8.0f} ms a step (median)", end="   ")
TABLE
    tail -1 "$work/log"
}
echo "two ranks with one thread each, connected at $rate"
for round in $(seq "$rounds"); do
    printf 'overlapped   '
    train "with-$round"
    printf 'afterwards   '
    train "without-$round" --without-overlap
done
