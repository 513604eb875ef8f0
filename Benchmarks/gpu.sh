#!/usr/bin/env bash
# The whole measurement of one GPU, in at most eight minutes: checks, memory, speed, decoding, PyTorch beside it.
#   Benchmarks/gpu.sh [--dry-run] [OUT]
# Writes OUT/results.jsonl as it goes and OUT/report.md at the end (OUT: gpu-results). Sections come by value; each has a
# budget of seconds, and a failure or a time-out in one does not stop the next. `make gpu-bundle` makes a folder that runs
# it on a machine without this checkout; that machine's LibTorch is found through its Python's torch package.
#   --dry-run          tiny shapes on the CPU: the script tests itself (`make test`)
#   FORETOKEN=FILE     the command, else the bundle's or .build/release/foretoken
#   PYTHON=FILE        a Python with torch, else python3; without torch the PyTorch lines are skipped
#   BUDGET_SECONDS=480 for everything
#   SECTIONS="device memory …" only these
set -uo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
dry=
[[ ${1:-} != --dry-run ]] || { dry=1; shift; }
out=${1:-gpu-results}
mkdir -p "$out"
results=$out/results.jsonl
: >"$results"
python=${PYTHON:-python3}
foretoken=${FORETOKEN:-}
if [[ -z $foretoken ]]; then
    foretoken=.build/release/foretoken
    if [[ -f bin/foretoken.gz ]]; then
        [[ -x bin/foretoken ]] || { gunzip -k bin/foretoken.gz && chmod +x bin/foretoken; } || exit 1
        foretoken=bin/foretoken
    fi
fi
[[ -x $foretoken ]] || { echo "gpu.sh: $foretoken is not there; make build, or set FORETOKEN" >&2; exit 1; }
torch=$("$python" -c 'import torch; print(torch.__path__[0])' 2>/dev/null) || torch=
if [[ -n $torch && $foretoken == bin/* ]]; then
    export LD_LIBRARY_PATH=$torch/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi
begin=$SECONDS
total=${BUDGET_SECONDS:-480}
device=cuda
[[ -z $dry ]] || device=cpu

# MARK: running one thing

section= section_end=0
# Begins a section: its budget, or what is left of the whole.
section() { # NAME SECONDS
    local left=$((total - SECONDS + begin))
    [[ " ${SECTIONS:-$1} " == *" $1 "* ]] || left=0
    section=$1 section_end=$((SECONDS + ($2 < left ? $2 : left)))
    printf '== %s (%d s of %d left)\n' "$1" "$((section_end - SECONDS))" "$left" >&2
}

# One JSON line: what ran, how it ended, and the last JSON object that it printed.
note() { # SIDE NAME STATUS SECONDS REASON RESULT KEY=VALUE...
    "$python" - "$section" "$@" >>"$results" <<'PYTHON'
import json, sys
section, side, name, status, seconds, reason, result, *keys = sys.argv[1:]
entry = {"section": section, "name": name, "side": side, "seconds": float(seconds), "status": status}
if reason:
    entry["reason"] = reason[-500:]
for key in keys:
    name, _, value = key.partition("=")
    entry[name] = int(value) if value.isdigit() else value
try:
    entry["result"] = json.loads(result)
except ValueError:
    entry["result"] = None
print(json.dumps(entry))
PYTHON
}

# Runs a command within the section's time: measure SIDE NAME KEY=VALUE... -- COMMAND...
measure() {
    local side=$1 name=$2 keys=() start=$SECONDS left=$((section_end - SECONDS)) status=0 log reason=
    shift 2
    while [[ $1 != -- ]]; do keys+=("$1"); shift; done
    shift
    if ((left < 2)); then
        note "$side" "$name" skipped 0 'no time left' null "${keys[@]}"
        return
    fi
    if [[ $side == pytorch && -z $torch ]]; then
        note "$side" "$name" skipped 0 "$python has no torch" null "${keys[@]}"
        return
    fi
    log=$(mktemp)
    timeout -k 5 "$left" "$@" >"$log" 2>"$log.err" </dev/null || status=$?
    case $status in
        0) status=ok ;;
        124 | 137) status=timeout reason="after $left s" ;;
        *) reason="exit $status: $(tail -n 3 "$log.err" | tr '\n' ' ')" status=failed ;;
    esac
    note "$side" "$name" "$status" $((SECONDS - start)) "$reason" "$(grep '^{' "$log" | tail -n 1)" "${keys[@]}"
    printf '   %-7s %s %s%s\n' "$status" "$side" "$name" "${reason:+: $reason}" >&2
    rm -f "$log" "$log.err"
}

ours() { # NAME KEY=VALUE... -- ARGUMENTS...
    local before=() name=$1
    shift
    while [[ $1 != -- ]]; do before+=("$1"); shift; done
    shift
    measure ours "$name" "${before[@]}" -- "$foretoken" "$@"
}

# Several at once, whose peaks do not depend on each other. Never where something is timed.
running=0
beside() { # JOBS COMMAND...
    local jobs=$1
    shift
    "$@" &
    running=$((running + 1))
    if ((running >= jobs)); then wait -n; running=$((running - 1)); fi
}
all_done() { wait; running=0; }

# MARK: shapes

# The paper's sizes: V 32,000, T 4,096.
s300=(--vocabulary 32000 --width 1024 --layers 24 --attention-heads 16 --context 4096)
s1b=(--vocabulary 32000 --width 2048 --layers 22 --attention-heads 32 --key-value-heads 4 --context 4096)
d1b=(--vocabulary 32000 --width 2048 --layers 22 --attention-heads 32 --key-value-heads 4)
batch300=4 batch1b=2 heads=(1 2 4 8) steps=(--steps 10) filled=512 decode_seconds=3 run_steps=600 jobs=4
peer_steps=(--warm-up 2 --steps 10)
if [[ -n $dry ]]; then
    s300=(--vocabulary 300 --width 64 --layers 9 --attention-heads 2 --context 32)
    s1b=(--vocabulary 300 --width 64 --layers 9 --attention-heads 4 --key-value-heads 2 --context 32)
    d1b=(--vocabulary 300 --width 64 --layers 9 --attention-heads 4 --key-value-heads 2)
    batch300=2 batch1b=1 heads=(1 8) steps=(--steps 1) filled=16 decode_seconds=0.1 run_steps=20 jobs=1
    peer_steps=(--warm-up 1 --steps 1)
fi
precision=bf16
# Without the instructions bf16 is hundreds of times slower on a CPU.
[[ -z $dry ]] || precision=f32
on=(--device "$device" --precision "$precision")

# MARK: the sections

section device 75
ours 'gradients and exact texts' -- bench device --device "$device" --model Models/python-bytes --exact --json

section memory 110
for shape in 300M 1B; do
    sizes=("${s300[@]}")
    [[ $shape == 300M ]] || sizes=("${s1b[@]}")
    ours "$shape" shape=$shape precision=$precision -- bench memory "${sizes[@]}" --batch 1 "${on[@]}" --heads "${heads[@]}" --json
    for n in "${heads[@]}"; do
        for variant in sequential joint; do
            beside "$jobs" measure pytorch "$shape $variant n = $n" shape=$shape objective=$variant heads="$n" \
                precision=$precision -- "$python" Benchmarks/pytorch_train.py "${on[@]}" "${sizes[@]}" --batch 1 \
                --heads "$n" --variant $variant --warm-up 1 --steps 1 --budget-seconds 15
        done
    done
    all_done
done

section train 110
for objective in fused sequential; do
    ours "300M $objective" shape=300M objective=$objective heads=4 precision=$precision -- \
        bench train "${s300[@]}" --batch $batch300 "${on[@]}" --heads 4 --objective $objective "${steps[@]}" --no-gemm --json
done
for variant in sequential regional joint compile; do
    [[ -z $dry || $variant == sequential || $variant == joint ]] || continue
    measure pytorch "300M $variant" shape=300M objective=$variant heads=4 precision=$precision -- \
        "$python" Benchmarks/pytorch_train.py "${on[@]}" "${s300[@]}" --batch $batch300 --heads 4 --variant $variant \
        "${peer_steps[@]}" --budget-seconds 25
done
ours '1B fused' shape=1B objective=fused heads=4 precision=$precision -- \
    bench train "${s1b[@]}" --batch $batch1b "${on[@]}" --heads 4 "${steps[@]}" --no-gemm --json
measure pytorch '1B sequential' shape=1B objective=sequential heads=4 precision=$precision -- \
    "$python" Benchmarks/pytorch_train.py "${on[@]}" "${s1b[@]}" --batch $batch1b --heads 4 --variant sequential \
    "${peer_steps[@]}" --budget-seconds 20

# Table S5: what n heads cost at equal parameters.
section overhead 30
for n in 1 2 4; do
    for objective in sequential fused; do
        ours "300M $objective n = $n" shape=300M objective=$objective heads=$n precision=$precision -- \
            bench train "${s300[@]}" --batch $batch300 "${on[@]}" --heads $n --objective $objective "${steps[@]}" --no-gemm --json
    done
done

weights=(--device "$device" --weights bf16)
[[ -z $dry ]] || weights=(--weights bf16)
section decode 75
for batch in 1 8 32; do
    ours ours shape=1B weights=bf16 batch=$batch -- bench decode "${d1b[@]}" --heads 1 \
        --filled $filled --pass-widths 1,4 --batch $batch --seconds $decode_seconds "${weights[@]}" --json
    measure pytorch 'PyTorch eager' shape=1B precision=bf16 batch=$batch -- "$python" Benchmarks/pytorch_reference.py \
        --device "$device" --precision bf16 "${d1b[@]}" --head-kind parallel --inner 0 --heads 1 --batch $batch \
        --filled $filled --pass-tokens 1,4 --seconds $decode_seconds
done

section texts 30
ours 'texts without --exact' -- bench device --device "$device" --model Models/python-bytes --no-gradients --json

# Loss of a short run beside the CPU's, the same seed and data; then through NCCL with one rank.
section run 60
data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT
stdlib=$("$python" -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
ours 'data' -- prepare "$stdlib" --extension py --max-bytes 4000000 --out "$data/shards" --json
train_run() { # NAME DEVICE
    ours "$1" -- train Recipes/demo.yaml --out "$data/$1" --set training.minutes=null --set training.steps=$run_steps \
        --set training.device="$2" --set data.train="$data/shards/train.tokens" \
        --set data.validation="$data/shards/validation.tokens" --set training.validationEvery=0 --json
}
train_run device "$device"
train_run processor cpu
section nccl 25
RANK=0 WORLD_SIZE=1 LOCAL_RANK=0 MASTER_ADDR=127.0.0.1 MASTER_PORT=${MASTER_PORT:-29517} train_run one-rank "$device"

# No GPU has run these before: last, so that a crash costs nothing else.
section graphs 60
ours 'captured steps and passes' -- bench device --device "$device" --model Models/python-bytes --exact --cuda-graphs --precisions f32 --json
ours '300M fused, captured' shape=300M objective=captured heads=4 precision=$precision -- \
    bench train "${s300[@]}" --batch $batch300 "${on[@]}" --heads 4 "${steps[@]}" --no-gemm --cuda-graphs --json
graphs=(--cuda-graphs)
[[ -z $dry ]] || graphs=()
for batch in 1 8; do
    ours 'ours, CUDA graphs' shape=1B weights=bf16 batch=$batch -- bench decode "${d1b[@]}" --heads 1 \
        --filled $filled --pass-widths 1,4 --batch $batch --seconds $decode_seconds "${weights[@]}" "${graphs[@]}" --json
done
measure pytorch PyTorch shape=1B precision=bf16 batch=1 -- "$python" Benchmarks/pytorch_reference.py \
    --device "$device" --precision bf16 "${d1b[@]}" --head-kind parallel --inner 0 --heads 1 --batch 1 \
    --filled $filled --pass-tokens 1,4 --cuda-graph --seconds $decode_seconds

{
    printf '# GPU benchmark, %s\n\n' "$(date -u +%F)"
    [[ -z $dry ]] || printf 'DRY RUN on the CPU: the figures mean nothing.\n\n'
    printf '%s; %s; LibTorch of %s\n\n' \
        "$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null || echo 'no GPU')" \
        "$(uname -srm)" "${torch:-the build}"
    "$python" Benchmarks/gpu_table.py "$results"
} >"$out/report.md"
cat "$out/report.md"
failed=$(grep -c '"status": "\(failed\|timeout\)"' "$results")
printf 'gpu.sh: %d s, %d failed or timed out; send %s and %s\n' $((SECONDS - begin)) "$failed" "$results" "$out/report.md" >&2
# A dry run is a test; a measurement that has gaps is still a measurement.
[[ -z $dry || $failed == 0 ]]
